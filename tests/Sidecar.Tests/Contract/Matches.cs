using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Lavka.Sidecar.Tests.Contract;

/// <summary>Compares with a recording, in which <c>$uuid</c>, <c>$time</c> and the like stand for a value of that kind.</summary>
internal static partial class Matches
{
    public static bool Text(string expected, string? actual) => actual is not null && (!expected.Contains('$', StringComparison.Ordinal)
        ? expected == actual
        : Regex.IsMatch(actual, "^" + Placeholder().Replace(Regex.Escape(expected), match => $"(?:{Pattern(match.Value)})") + "$", RegexOptions.Singleline));

    public static bool Json(JsonElement expected, JsonElement actual)
    {
        if (expected.ValueKind != actual.ValueKind)
        {
            return false;
        }

        return expected.ValueKind switch
        {
            JsonValueKind.String => Text(expected.GetString()!, actual.GetString()),
            JsonValueKind.Number => expected.GetDouble() == actual.GetDouble(),
            JsonValueKind.Array => expected.GetArrayLength() == actual.GetArrayLength() && expected.EnumerateArray().Zip(actual.EnumerateArray()).All(pair => Json(pair.First, pair.Second)),
            JsonValueKind.Object => expected.GetPropertyCount() == actual.GetPropertyCount()
                && expected.EnumerateObject().All(member => actual.TryGetProperty(member.Name, out var value) && Json(member.Value, value)),
            _ => true,
        };
    }

    /// <summary>A body as the recording writes it: <c>$json</c>, <c>$text</c>, <c>$base64</c>, or null for any.</summary>
    public static bool Body(JsonElement expected, byte[] actual)
    {
        if (expected.ValueKind != JsonValueKind.Object)
        {
            return true;
        }

        if (expected.TryGetProperty("$text", out var text))
        {
            return Text(text.GetString()!, Encoding.UTF8.GetString(actual));
        }

        if (expected.TryGetProperty("$base64", out var base64))
        {
            return base64.GetBytesFromBase64().AsSpan().SequenceEqual(actual);
        }

        return TryParse(actual) is { } json && Json(expected.GetProperty("$json"), json);
    }

    public static JsonElement? TryParse(byte[] json)
    {
        try
        {
            return JsonDocument.Parse(json).RootElement;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string Pattern(string placeholder) => placeholder.TrimStart('\\') switch
    {
        "$uuid" => "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        "$time" => @"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? [+-]\d{4} \w+",
        "$traceparent" => "00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}",
        "$traceid" => "[0-9a-f]{32}",
        "$spanid" => "[0-9a-f]{16}",
        "$wfk" or "$np" or "$mac" => "[A-Za-z0-9+/]+=*",
        "$etag" or "$host" or "$hostname" or "$ip" or "$httpdate" => ".+",
        var other => throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"The recording has an unknown placeholder {other}.")),
    };

    [GeneratedRegex(@"\\\$(uuid|time|traceparent|traceid|spanid|etag|hostname|host|httpdate|ip|wfk|np|mac)")]
    private static partial Regex Placeholder();
}
