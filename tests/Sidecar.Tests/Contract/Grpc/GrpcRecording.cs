using System.Text.Json;

namespace Lavka.Sidecar.Tests.Contract.Grpc;

/// <summary>The recorded files.</summary>
internal static class GrpcRecording
{
    private static readonly Dictionary<string, JsonElement> Worlds = Directory
        .EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "Contract", "recordings", "grpc"), "*.json").Order(StringComparer.Ordinal)
        .SelectMany(file => JsonDocument.Parse(File.ReadAllBytes(file)).RootElement.GetProperty("worlds").EnumerateArray())
        .ToDictionary(world => world.GetProperty("world").GetProperty("name").GetString()!);

    public static IEnumerable<string> Names => Worlds.Keys;

    public static JsonElement World(string name) => Worlds[name].GetProperty("world");

    /// <summary>A world's cases by their names, in their order.</summary>
    public static OrderedDictionary<string, JsonElement> Cases(string world) =>
        new(Worlds[world].GetProperty("cases").EnumerateArray().Select(one => KeyValuePair.Create(one.GetProperty("name").GetString()!, one)));
}
