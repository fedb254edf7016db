namespace Dapr.Actors.Runtime;

/// <summary>A value, if there is one.</summary>
/// <param name="hasValue">Whether there is.</param>
/// <param name="value">The value.</param>
public struct ConditionalValue<TValue>(bool hasValue, TValue value)
{
    /// <summary>Whether there is a value.</summary>
    public readonly bool HasValue => hasValue;

    /// <summary>The value; the default where there is none.</summary>
    public readonly TValue Value => value;
}
