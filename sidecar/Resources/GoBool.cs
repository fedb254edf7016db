namespace Lavka.Sidecar.Resources;

/// <summary>Go's words for yes and no (strconv.ParseBool).</summary>
internal static class GoBool
{
    /// <summary>Null: neither. Nothing at all is no.</summary>
    public static bool? Parse(string? text) => text switch
    {
        "1" or "t" or "T" or "true" or "TRUE" or "True" => true,
        null or "" or "0" or "f" or "F" or "false" or "FALSE" or "False" => false,
        _ => null,
    };
}
