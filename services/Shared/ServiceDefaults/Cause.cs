namespace Lavka.ServiceDefaults;

/// <summary>The event that makes a change.</summary>
/// <param name="Id">Its CloudEvents id.</param>
/// <param name="Type">Its CloudEvents type.</param>
public sealed record Cause(string Id, string Type);
