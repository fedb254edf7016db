namespace Lavka.ServiceDefaults;

/// <summary>The event that makes a change.</summary>
/// <param name="Id">Its CloudEvents id.</param>
/// <param name="Type">Its CloudEvents type.</param>
public sealed record Cause(string Id, string Type)
{
    private static readonly AsyncLocal<Cause?> OfThisFlow = new();

    /// <summary>The event that is being handled; null: a client or the clock asks.</summary>
    public static Cause? Current
    {
        get => OfThisFlow.Value;
        internal set => OfThisFlow.Value = value;
    }
}
