using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace Lavka.Sidecar.Http;

/// <summary>Says that a value has the wrong kind, in Go's words.</summary>
/// <param name="value">The value.</param>
/// <param name="field">Where it stands, or nothing for the whole: <c>key</c>, <c>options.Concurrency</c>.</param>
/// <param name="type">Go's name of what it should be: <c>string</c>, <c>map[string]string</c>.</param>
internal delegate ApiException WrongKind(JsonElement value, string field, string type);

/// <summary>A body's members as Go's decoder reads them: names in any case, null as nothing, another kind as an error.</summary>
internal static class GoMember
{
    /// <summary>The errors of Go's <c>encoding/json</c> for the fields of a type.</summary>
    /// <param name="structure">The type's name, for example <c>SetRequest</c>.</param>
    /// <param name="prefix">What comes before the error.</param>
    public static WrongKind Of(string structure, string prefix = "failed deserializing HTTP body: ") => (value, field, type) => ApiException.Malformed(prefix + (field.Length == 0
        ? $"json: cannot unmarshal {Kind(value, type)} into Go value of type {type}"
        : $"json: cannot unmarshal {Kind(value, type)} into Go struct field {structure}.{field} of type {type}"));

    /// <summary>Whether a member has this name, in any case, as Go reads JSON.</summary>
    public static bool Is(JsonProperty member, ReadOnlySpan<byte> name) => Ascii.EqualsIgnoreCase(JsonMarshal.GetRawUtf8PropertyName(member), name);

    /// <summary>The members of an object; null has none.</summary>
    /// <exception cref="ApiException">It is something else; 400.</exception>
    public static JsonElement.ObjectEnumerator Members(JsonElement value, string field, string type, WrongKind wrong) => value.ValueKind switch
    {
        JsonValueKind.Object => value.EnumerateObject(),
        JsonValueKind.Null or JsonValueKind.Undefined => default,
        _ => throw wrong(value, field, type),
    };

    /// <summary>The items of a list; null has none.</summary>
    /// <exception cref="ApiException">It is something else; 400.</exception>
    public static JsonElement.ArrayEnumerator Items(JsonElement value, string field, string type, WrongKind wrong) => value.ValueKind switch
    {
        JsonValueKind.Array => value.EnumerateArray(),
        JsonValueKind.Null => default,
        _ => throw wrong(value, field, type),
    };

    /// <summary>A text, or null.</summary>
    /// <exception cref="ApiException">It is something else; 400.</exception>
    public static string? Text(JsonElement value, string field, WrongKind wrong) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Null => null,
        _ => throw wrong(value, field, "string"),
    };

    /// <summary>True, false or null.</summary>
    /// <exception cref="ApiException">It is something else; 400.</exception>
    public static bool? Flag(JsonElement value, string field, WrongKind wrong) => value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Null => null,
        _ => throw wrong(value, field, "bool"),
    };

    /// <summary>An object of texts, null for none.</summary>
    /// <param name="at">How a member's place is written; by default the map's own.</param>
    /// <exception cref="ApiException">It is something else; 400.</exception>
    public static Dictionary<string, string> Texts(JsonElement value, string field, WrongKind wrong, Func<string, string>? at = null)
    {
        var texts = new Dictionary<string, string>();
        foreach (var member in Members(value, field, "map[string]string", wrong))
        {
            texts[member.Name] = Text(member.Value, at is null ? field : at(member.Name), wrong) ?? "";
        }

        return texts;
    }

    // A number is only named where a number was wanted: then it is this one that does not fit.
    private static string Kind(JsonElement value, string type) => value.ValueKind switch
    {
        JsonValueKind.Number when type is "int" or "float64" => $"number {value.GetRawText()}",
        JsonValueKind.True or JsonValueKind.False => "bool",
        var kind => kind.ToString().ToLowerInvariant(),
    };
}
