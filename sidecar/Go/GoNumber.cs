using System.Globalization;

namespace Lavka.Sidecar.Go;

/// <summary>Numbers as Go's <c>strconv</c> reads them, with its words for what is none: applications log and match them.</summary>
internal static class GoNumber
{
    /// <summary>A decimal number of 64 bits.</summary>
    /// <param name="text">The number.</param>
    /// <param name="function">The function of Go that Dapr reads it with: <c>Atoi</c> or <c>ParseInt</c>.</param>
    /// <exception cref="FormatException">It is none, or too large.</exception>
    public static long ParseInt(string text, string function = "ParseInt") =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number
        : throw new FormatException($"strconv.{function}: parsing {GoText.Quote(text)}: {(IsDecimal(text) ? "value out of range" : "invalid syntax")}");

    private static bool IsDecimal(string text)
    {
        var digits = text.AsSpan(text is ['+' or '-', ..] ? 1 : 0);
        return digits.Length > 0 && !digits.ContainsAnyExceptInRange('0', '9');
    }
}
