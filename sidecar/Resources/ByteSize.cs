using System.Globalization;

namespace Lavka.Sidecar.Resources;

/// <summary>Sizes as Kubernetes writes them: <c>4Mi</c>, <c>512Ki</c>, <c>1G</c>, <c>1000</c>.</summary>
internal static class ByteSize
{
    private static readonly (string Unit, long Bytes)[] Units =
    [
        ("Ki", 1L << 10), ("Mi", 1L << 20), ("Gi", 1L << 30), ("k", 1_000), ("K", 1_000), ("M", 1_000_000), ("G", 1_000_000_000), ("", 1),
    ];

    /// <exception cref="FormatException">It is no size.</exception>
    public static long Parse(string text)
    {
        var (unit, bytes) = Units.First(unit => text.EndsWith(unit.Unit, StringComparison.Ordinal));
        return double.TryParse(text[..^unit.Length], NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
            ? (long)(number * bytes)
            : throw new FormatException($"'{text}' is no size; allowed is for example 4Mi, 512Ki or 1000.");
    }
}
