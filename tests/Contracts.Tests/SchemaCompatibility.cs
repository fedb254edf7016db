using System.Text.Json;

namespace Lavka.Contracts.Tests;

/// <summary>
/// What a change of a schema breaks.
/// <para>
/// The direction is forward: whoever reads by the published schema, and is not changed, must be able to read every event that is written by the new one. So a
/// producer may only add, and promise more: a new property, even a required one (an old consumer does not look at it), an optional property that is now always there, fewer
/// values. It may take nothing away and promise nothing less: a property that is gone or may now be missing, a type or a value that the consumer does not know.
/// </para>
/// <para>
/// The other direction, a new consumer and an old event, no schema can settle: events from before the change stay in the log for days, and in outboxes. A consumer that comes to
/// use a new property bears that it is missing; so a new property of a record is best an optional parameter.
/// </para>
/// </summary>
internal static class SchemaCompatibility
{
    /// <summary>The breaking changes, in words; none: the change is compatible.</summary>
    public static IReadOnlyList<string> Breaks(string published, string changed) =>
        [.. Breaks(JsonElement.Parse(published), JsonElement.Parse(changed), "")];

    private static IEnumerable<string> Breaks(JsonElement published, JsonElement changed, string path)
    {
        var what = path.Length == 0 ? "the event" : $"'{path}'";
        return [
            .. Names(published, changed, what),
            .. Types(published, changed, what),
            .. Values(published, changed, what),
            .. Bounds(published, changed, what),
            .. Properties(published, changed, path),
            .. Items(published, changed, path),
        ];
    }

    private static IEnumerable<string> Names(JsonElement published, JsonElement changed, string what) =>
        new[] { "$id", "title" }.Where(name => published.TryGetProperty(name, out _) && Text(published, name) != Text(changed, name))
            .Select(name => $"{name} of {what} was {Text(published, name)} and is {Text(changed, name)}");

    private static IEnumerable<string> Types(JsonElement published, JsonElement changed, string what)
    {
        if (!published.TryGetProperty("type", out _))
        {
            return [];
        }

        // An integer is a number, so a number that is now always an integer is one that consumers know.
        var known = Listed(published, "type").ToHashSet();
        var may = Listed(changed, "type").ToList();
        return may.Count > 0 && may.All(type => known.Contains(type) || (type == "integer" && known.Contains("number")))
            ? []
            : [$"{what} was {string.Join(" or ", known)} and may be {(may.Count == 0 ? "anything" : string.Join(" or ", may))}"];
    }

    private static IEnumerable<string> Values(JsonElement published, JsonElement changed, string what)
    {
        if (Allowed(published) is not { } known)
        {
            return [];
        }

        return Allowed(changed) is not { } may
            ? [$"{what} was one of {string.Join(", ", known)} and may be anything"]
            : may.Where(value => !known.Contains(value)).Select(value => $"{what} may be {value}, which a consumer does not know");
    }

    private static IEnumerable<string> Bounds(JsonElement published, JsonElement changed, string what)
    {
        foreach (var keyword in new[] { "format", "pattern" }.Where(keyword => published.TryGetProperty(keyword, out _) && Text(published, keyword) != Text(changed, keyword)))
        {
            yield return $"{keyword} of {what} was {Text(published, keyword)} and is {Text(changed, keyword)}";
        }

        foreach (var (keyword, sign) in new[] { ("minimum", 1), ("maximum", -1) })
        {
            if (published.TryGetProperty(keyword, out var known) && !(changed.TryGetProperty(keyword, out var may) && sign * may.GetDecimal() >= sign * known.GetDecimal()))
            {
                yield return $"{keyword} of {what} was {known.GetRawText()} and is {Text(changed, keyword)}";
            }
        }
    }

    private static IEnumerable<string> Properties(JsonElement published, JsonElement changed, string path)
    {
        var required = Listed(changed, "required").ToHashSet();
        foreach (var name in Listed(published, "required").Where(name => !required.Contains(name) && HasProperty(changed, name)))
        {
            yield return $"'{Join(path, name)}' was always there and may be missing";
        }

        if (!published.TryGetProperty("properties", out var properties))
        {
            yield break;
        }

        foreach (var property in properties.EnumerateObject())
        {
            if (!HasProperty(changed, property.Name))
            {
                yield return $"'{Join(path, property.Name)}' is gone";
                continue;
            }

            foreach (var problem in Breaks(property.Value, changed.GetProperty("properties").GetProperty(property.Name), Join(path, property.Name)))
            {
                yield return problem;
            }
        }
    }

    private static IEnumerable<string> Items(JsonElement published, JsonElement changed, string path) =>
        !published.TryGetProperty("items", out var known) ? []
        : changed.TryGetProperty("items", out var may) ? Breaks(known, may, $"{path}[]")
        : [$"'{path}[]' may be anything"];

    private static bool HasProperty(JsonElement schema, string name) => schema.TryGetProperty("properties", out var properties) && properties.TryGetProperty(name, out _);

    private static IEnumerable<string> Listed(JsonElement schema, string keyword) =>
        !schema.TryGetProperty(keyword, out var value) ? [] : value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().Select(one => one.GetString()!) : [value.GetString()!];

    private static HashSet<string>? Allowed(JsonElement schema) =>
        schema.TryGetProperty("const", out var value) ? [value.GetRawText()]
        : schema.TryGetProperty("enum", out var values) ? [.. values.EnumerateArray().Select(one => one.GetRawText())]
        : null;

    private static string Text(JsonElement schema, string keyword) => schema.TryGetProperty(keyword, out var value) ? value.GetRawText() : "not said";

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";
}
