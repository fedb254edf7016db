using System.Text.Json;

namespace Lavka.Sidecar.Tests.Contract;

/// <summary>The recorded files.</summary>
internal static class Recording
{
    private static readonly Dictionary<string, JsonElement> Files = Directory
        .EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "Contract", "recordings"), "*.json").Order(StringComparer.Ordinal)
        .ToDictionary(file => Path.GetFileNameWithoutExtension(file), file => JsonDocument.Parse(File.ReadAllBytes(file)).RootElement);

    /// <summary>A world's cases: each one's place, and its name.</summary>
    public static IEnumerable<object[]> CasesOf(string world) => Files[world].GetProperty("cases").EnumerateArray().Select((one, i) => new object[] { i, one.GetProperty("name").GetString()! });

    /// <summary>What starts and what does not.</summary>
    public static IEnumerable<object[]> Starts => Files["start"].GetProperty("starts").EnumerateArray().Select((one, i) => new object[] { i, one.GetProperty("name").GetString()! });

    public static JsonElement World(string name) => Files[name].GetProperty("world");

    public static JsonElement Case(string world, int index) => Files[world].GetProperty("cases")[index];

    public static JsonElement Start(int index) => Files["start"].GetProperty("starts")[index];
}
