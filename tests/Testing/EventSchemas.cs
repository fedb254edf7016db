using System.Text.Json;
using System.Text.RegularExpressions;
using Json.Schema;

namespace Lavka.Testing;

/// <summary>The published schemas of the events' data, by event type.</summary>
public static partial class EventSchemas
{
    private static readonly Lazy<IReadOnlyDictionary<string, JsonSchema>> ByType = new(() => Files.ToDictionary(TypeOf, file => Schemas.Parse(File.ReadAllText(file))));

    /// <summary>Where they are, from the repository's root.</summary>
    public static string Folder => "services/Shared/Contracts/schemas";

    /// <summary>The files there are.</summary>
    public static IReadOnlyList<string> Files => [.. Directory.EnumerateFiles(Path.Combine(Repository.Root, Folder), "*.json").Order(StringComparer.Ordinal)];

    /// <summary>The name of an event type's file. A type that replaces an earlier one has its version in its name: <c>order.created.v2</c>.</summary>
    public static string FileOf(string type) => IsVersioned().IsMatch(type) ? $"{type}.json" : $"{type}.v1.json";

    /// <summary>The schema of an event type, as it is published.</summary>
    /// <exception cref="KeyNotFoundException">There is none.</exception>
    public static JsonElement Of(string type) => ByType.Value.TryGetValue(type, out var schema) ? schema.Root.Source : throw new KeyNotFoundException(Missing(type));

    /// <summary>What is wrong with an event's data, in a sentence; null: nothing.</summary>
    /// <param name="type">The CloudEvents <c>type</c>; null: it has none.</param>
    public static string? Problem(string? type, JsonElement data) =>
        type is null ? "An event was published without a type."
        : !ByType.Value.TryGetValue(type, out var schema) ? Missing(type)
        : schema.Problem(data) is { } problem ? $"The event {type} breaks its schema {FileOf(type)}: {problem}."
        : null;

    private static string Missing(string type) => $"The event {type} has no schema: there is no {FileOf(type)} in {Folder}.";

    private static string TypeOf(string file) => FirstVersion().Replace(Path.GetFileNameWithoutExtension(file), "");

    [GeneratedRegex(@"\.v\d+$")]
    private static partial Regex IsVersioned();

    [GeneratedRegex(@"\.v1$")]
    private static partial Regex FirstVersion();
}
