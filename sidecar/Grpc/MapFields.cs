using Google.Protobuf.Collections;

namespace Lavka.Sidecar.Grpc;

/// <summary>Names with texts in a message.</summary>
internal static class MapFields
{
    /// <summary>Adds pairs; a name that is there gets the new text.</summary>
    public static void AddRange(this MapField<string, string> map, IEnumerable<KeyValuePair<string, string>> pairs)
    {
        foreach (var (name, text) in pairs)
        {
            map[name] = text;
        }
    }
}
