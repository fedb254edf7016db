using System.Text.RegularExpressions;

namespace Lavka.ServiceDefaults;

/// <summary>Ids that come from clients. They become part of keys and paths, so only what is harmless there can be one.</summary>
public static partial class Ids
{
    /// <summary>Whether anything could have this id.</summary>
    public static bool CanBe(string? id) => id is not null && Id().IsMatch(id);

    [GeneratedRegex(@"^[A-Za-z0-9_-]{1,64}\z")]
    private static partial Regex Id();
}
