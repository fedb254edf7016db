namespace Lavka.ServiceDefaults;

/// <summary>How the APIs write what something has become.</summary>
public static class StatusName
{
    /// <summary>In lower case: <c>delivered</c>.</summary>
    public static string ToName(this Enum status) => status.ToString().ToLowerInvariant();
}
