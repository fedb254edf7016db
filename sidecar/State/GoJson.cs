using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Lavka.Sidecar.State;

/// <summary>
/// Values as daprd keeps them: it reads the JSON into Go's types and writes it again, so that members are in order, numbers are 64-bit floating point,
/// and white space is gone (Go's encoding/json).
/// </summary>
internal static class GoJson
{
    private const int LargestKept = 256 * 1024;
    private static readonly JsonWriterOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    // A writer a thread: it is used for every save.
    [ThreadStatic]
    private static (ArrayBufferWriter<byte> Buffer, Utf8JsonWriter Writer)? _reused;

    /// <summary>The value as Go writes it.</summary>
    /// <param name="value">The value.</param>
    /// <param name="tooLarge">The error of a number beyond 64-bit floating point; by default 400.</param>
    /// <exception cref="ApiException">There is such a number.</exception>
    public static byte[] Normalise(JsonElement value, Func<JsonElement, ApiException>? tooLarge = null)
    {
        if (_reused is not { } reused)
        {
            var fresh = new ArrayBufferWriter<byte>(1024);
            _reused = reused = (fresh, new Utf8JsonWriter(fresh, Compact));
        }

        var (buffer, json) = reused;
        buffer.ResetWrittenCount();
        json.Reset();
        Write(json, value, tooLarge ?? TooLarge);
        json.Flush();
        var written = buffer.WrittenSpan.ToArray();
        if (buffer.Capacity > LargestKept)
        {
            _reused = null;
        }

        return written;
    }

    /// <summary>A number as Go's <c>%v</c> prints a float64: with an exponent from a million on.</summary>
    public static string Shortest(double number) => Text(number, smallest: 1e-4, largest: 1e6);

    private static ApiException TooLarge(JsonElement number) => ApiException.Malformed($"json: cannot unmarshal number {number.GetRawText()} into Go value of type float64");

    private static void Write(Utf8JsonWriter json, JsonElement value, Func<JsonElement, ApiException> tooLarge)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                json.WriteStartObject();
                if (IsOrdered(value))
                {
                    foreach (var member in value.EnumerateObject())
                    {
                        json.WritePropertyName(JsonMarshal.GetRawUtf8PropertyName(member));
                        Write(json, member.Value, tooLarge);
                    }
                }
                else
                {
                    foreach (var member in value.EnumerateObject().GroupBy(member => member.Name, (_, same) => same.Last()).OrderBy(member => member.Name, StringComparer.Ordinal))
                    {
                        json.WritePropertyName(member.Name);
                        Write(json, member.Value, tooLarge);
                    }
                }

                json.WriteEndObject();
                break;
            case JsonValueKind.Array:
                json.WriteStartArray();
                foreach (var item in value.EnumerateArray())
                {
                    Write(json, item, tooLarge);
                }

                json.WriteEndArray();
                break;
            case JsonValueKind.Number when !value.TryGetInt32(out _):
                var number = value.GetDouble();
                if (!double.IsFinite(number))
                {
                    throw tooLarge(value);
                }

                json.WriteRawValue(Text(number, smallest: 1e-6, largest: 1e21).Replace("e-0", "e-", StringComparison.Ordinal), skipInputValidation: true);
                break;
            default:
                value.WriteTo(json);
                break;
        }
    }

    /// <summary>Whether the members are in Go's order already, with names that are written as they stand.</summary>
    private static bool IsOrdered(JsonElement value)
    {
        ReadOnlySpan<byte> last = default;
        var first = true;
        foreach (var member in value.EnumerateObject())
        {
            var name = JsonMarshal.GetRawUtf8PropertyName(member);
            if (name.Contains((byte)'\\') || (!first && last.SequenceCompareTo(name) >= 0))
            {
                return false;
            }

            last = name;
            first = false;
        }

        return true;
    }

    /// <summary>The shortest digits that read back as the same number; with an exponent only outside of these bounds.</summary>
    private static string Text(double number, double smallest, double largest)
    {
        var text = number.ToString("R", CultureInfo.InvariantCulture);
        var e = text.IndexOf('E', StringComparison.Ordinal);
        var size = Math.Abs(number);
        if (size == 0 || (size >= smallest && size < largest))
        {
            return e < 0 ? text : Plain(text[..e], int.Parse(text.AsSpan(e + 1), CultureInfo.InvariantCulture));
        }

        return (e < 0 ? Scientific(text) : text).Replace('E', 'e');
    }

    private static string Scientific(string plain)
    {
        var sign = plain.StartsWith('-') ? "-" : "";
        var parts = plain.TrimStart('-').Split('.');
        var digits = (parts[0] + (parts.Length > 1 ? parts[1] : "")).TrimStart('0');
        var exponent = parts[0] == "0" ? digits.Length - parts[1].Length - 1 : parts[0].Length - 1;
        digits = digits.TrimEnd('0');
        return $"{sign}{digits[0]}{(digits.Length > 1 ? "." + digits[1..] : "")}E{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}";
    }

    private static string Plain(string mantissa, int exponent)
    {
        var sign = mantissa.StartsWith('-') ? "-" : "";
        var digits = mantissa.Replace("-", "", StringComparison.Ordinal).Replace(".", "", StringComparison.Ordinal);
        return exponent < 0
            ? $"{sign}0.{new string('0', -exponent - 1)}{digits}"
            : sign + digits.PadRight(exponent + 1, '0').Insert(Math.Min(exponent + 1, Math.Max(digits.Length, exponent + 1)), digits.Length > exponent + 1 ? "." : "");
    }
}
