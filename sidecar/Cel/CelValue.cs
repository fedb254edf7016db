using System.Text.Json;
using System.Text.RegularExpressions;
using Lavka.Sidecar.State;

namespace Lavka.Sidecar.Cel;

/// <summary>What CEL's operators and functions do with values: null, bool, long, double, string, lists, and JSON.</summary>
internal static class CelValue
{
    /// <summary>JSON scalars as plain values. Numbers are doubles, as they are for daprd, which reads events with Go's JSON.</summary>
    public static object? Of(object? value) => value is JsonElement json
        ? json.ValueKind switch
        {
            JsonValueKind.String => json.GetString(),
            JsonValueKind.Number => json.GetDouble(),
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            JsonValueKind.Null or JsonValueKind.Undefined => null,
            JsonValueKind.Array => json.EnumerateArray().Select(item => (object?)item).ToList(),
            _ => value,
        }
        : value;

    public static bool Bool(object? value) => Of(value) is bool b ? b : throw new CelException("no such overload: a condition is not a boolean");

    public static bool Same(object? a, object? b) => (Of(a), Of(b)) switch
    {
        (null, null) => true,
        (string x, string y) => x == y,
        (bool x, bool y) => x == y,
        (long x, long y) => x == y,
        (long or double, long or double) => Number(a) == Number(b),
        (List<object?> x, List<object?> y) => x.Count == y.Count && x.Zip(y).All(pair => Same(pair.First, pair.Second)),
        (JsonElement x, JsonElement y) => JsonElement.DeepEquals(x, y),
        _ => false,
    };

    public static int Compare(object? a, object? b) => (Of(a), Of(b)) switch
    {
        (string x, string y) => string.CompareOrdinal(x, y),
        (bool x, bool y) => x.CompareTo(y),
        (long x, long y) => x.CompareTo(y),
        (long or double, long or double) => Number(a).CompareTo(Number(b)),
        _ => throw new CelException("no such overload: these values do not compare"),
    };

    public static object Arithmetic(string operation, object? a, object? b) => (operation, Of(a), Of(b)) switch
    {
        ("+", string x, string y) => x + y,
        ("+", List<object?> x, List<object?> y) => (List<object?>)[.. x, .. y],
        ("/" or "%", long, 0L) => throw new CelException("divide by zero"),
        ("+", long x, long y) => x + y,
        ("-", long x, long y) => x - y,
        ("*", long x, long y) => x * y,
        ("/", long x, long y) => x / y,
        ("%", long x, long y) => x % y,
        ("+", double x, double y) => x + y,
        ("-", double x, double y) => x - y,
        ("*", double x, double y) => x * y,
        ("/", double x, double y) => x / y,
        _ => throw new CelException($"no such overload: {operation}"),
    };

    public static object Negate(object? value) => Of(value) switch
    {
        long whole => -whole,
        double number => -number,
        _ => throw new CelException("no such overload: -"),
    };

    /// <summary>What a macro goes through: a list's items, an object's names.</summary>
    public static IEnumerable<object?> Items(object? value) => Of(value) switch
    {
        List<object?> list => list,
        JsonElement { ValueKind: JsonValueKind.Object } map => map.EnumerateObject().Select(member => (object?)member.Name),
        _ => throw new CelException("expression of this type cannot be range of a comprehension (must be list or map)"),
    };

    public static bool IsIn(object? item, object? container) => Of(container) switch
    {
        List<object?> list => list.Any(other => Same(item, other)),
        JsonElement { ValueKind: JsonValueKind.Object } map when Of(item) is string key => map.TryGetProperty(key, out _),
        _ => throw new CelException("no such overload: in"),
    };

    public static object? Field(object? target, string name) =>
        Of(target) is not JsonElement { ValueKind: JsonValueKind.Object } map ? throw new CelException($"no such overload: '.{name}' of a value that has no fields")
        : map.TryGetProperty(name, out var value) ? value
        : throw new CelException($"no such key: {name}");

    public static bool HasField(object? target, string name) =>
        Of(target) is JsonElement { ValueKind: JsonValueKind.Object } map && map.TryGetProperty(name, out _);

    public static object? Index(object? target, object? index) => (Of(target), Of(index)) switch
    {
        (JsonElement, string name) => Field(target, name),
        (List<object?> list, long or double) => Number(index) is var at && at >= 0 && at < list.Count ? list[(int)at] : throw new CelException("index out of bounds"),
        _ => throw new CelException("no such overload: []"),
    };

    public static object? Method(string name, object? target, object?[] arguments) => (name, Of(target), arguments) switch
    {
        ("startsWith", string text, [var a]) when Of(a) is string part => text.StartsWith(part, StringComparison.Ordinal),
        ("endsWith", string text, [var a]) when Of(a) is string part => text.EndsWith(part, StringComparison.Ordinal),
        ("contains", string text, [var a]) when Of(a) is string part => text.Contains(part, StringComparison.Ordinal),
        ("matches", string text, [var a]) when Of(a) is string pattern => Matches(text, pattern),
        ("size", var value, []) => Size(value),
        _ => throw new CelException($"no such overload: {name}"),
    };

    public static object? Function(string name, object?[] arguments) => (name, arguments) switch
    {
        ("size", [var value]) => Size(Of(value)),
        ("matches", [var text, var pattern]) when Of(text) is string t && Of(pattern) is string p => Matches(t, p),
        ("int", [var value]) when Of(value) is string text && long.TryParse(text, out var whole) => whole,
        ("int", [var value]) when Of(value) is long or double => (long)Number(value),
        ("double", [var value]) when Of(value) is string text && double.TryParse(text, out var number) => number,
        ("double", [var value]) when Of(value) is long or double => Number(value),
        ("string", [var value]) => Of(value) switch
        {
            string text => text,
            bool b => b ? "true" : "false",
            long whole => whole.ToString(System.Globalization.CultureInfo.InvariantCulture),
            double number => GoJson.Shortest(number),
            _ => throw new CelException("no such overload: string"),
        },
        ("bool", [var value]) => Of(value) switch
        {
            bool b => b,
            "true" or "TRUE" or "True" or "t" or "1" => true,
            "false" or "FALSE" or "False" or "f" or "0" => false,
            _ => throw new CelException("no such overload: bool"),
        },
        ("dyn", [var value]) => value,
        _ => throw new CelException($"no such function: {name}"),
    };

    private static double Number(object? value) => Of(value) switch
    {
        long whole => whole,
        double number => number,
        _ => throw new CelException("no such overload: not a number"),
    };

    private static long Size(object? value) => value switch
    {
        string text => text.EnumerateRunes().Count(),
        List<object?> list => list.Count,
        JsonElement { ValueKind: JsonValueKind.Object } map => map.GetPropertyCount(),
        _ => throw new CelException("no such overload: size"),
    };

    private static bool Matches(string text, string pattern)
    {
        try
        {
            // As in Go's RE2, a pattern must not be able to take exponential time.
            return Regex.IsMatch(text, pattern, RegexOptions.NonBacktracking);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw new CelException($"'{pattern}' is not a pattern: {e.Message}");
        }
    }
}
