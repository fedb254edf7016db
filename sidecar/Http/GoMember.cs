using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace Lavka.Sidecar.Http;

/// <summary>A body's members as Go's decoder reads them: names in any case, null as nothing, another type as an error.</summary>
internal static class GoMember
{
    /// <summary>A JSON object of texts, null for none.</summary>
    /// <exception cref="ApiException">It is something else; 400.</exception>
    public static Dictionary<string, string> Texts(JsonElement map)
    {
        var texts = new Dictionary<string, string>();
        if (map.ValueKind == JsonValueKind.Null)
        {
            return texts;
        }

        foreach (var member in map.ValueKind == JsonValueKind.Object ? map.EnumerateObject() : throw Mismatch(map, "a map[string]string"))
        {
            texts[member.Name] = Text(member) ?? "";
        }

        return texts;
    }

    /// <summary>Whether a member has this name, in any case, as Go reads JSON.</summary>
    public static bool Is(JsonProperty member, ReadOnlySpan<byte> name) => Ascii.EqualsIgnoreCase(JsonMarshal.GetRawUtf8PropertyName(member), name);

    /// <summary>A member that is a text or null.</summary>
    /// <exception cref="ApiException">It is something else; 400.</exception>
    public static string? Text(JsonProperty member) => member.Value.ValueKind switch
    {
        JsonValueKind.String => member.Value.GetString(),
        JsonValueKind.Null => null,
        _ => throw Mismatch(member.Value, $"the field {member.Name} of type string"),
    };

    /// <summary>Go's complaint about a value of the wrong kind.</summary>
    public static ApiException Mismatch(JsonElement value, string wanted) => ApiException.Malformed($"json: cannot unmarshal {value.ValueKind.ToString().ToLowerInvariant()} into {wanted}");
}
