using System.Globalization;
using System.Text.RegularExpressions;

namespace Lavka.Deploy.Tests;

/// <summary>Kubernetes' quantities: 100m, 1.5, 128Mi.</summary>
internal static partial class Quantity
{
    private static readonly Dictionary<string, double> Units = new()
    {
        ["m"] = 1e-3,
        [""] = 1,
        ["k"] = 1e3,
        ["M"] = 1e6,
        ["G"] = 1e9,
        ["T"] = 1e12,
        ["Ki"] = 1L << 10,
        ["Mi"] = 1L << 20,
        ["Gi"] = 1L << 30,
        ["Ti"] = 1L << 40,
    };

    /// <summary>Null: it is none.</summary>
    public static double? Parse(string text) => Pattern().Match(text) is { Success: true } match && Units.TryGetValue(match.Groups[2].Value, out var unit)
        ? double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) * unit
        : null;

    [GeneratedRegex("^([0-9]+(?:[.][0-9]+)?)([A-Za-z]*)$")]
    private static partial Regex Pattern();
}
