namespace Lavka.Sidecar.State;

/// <summary>A state store component.</summary>
internal interface IStateStore : IComponent
{
    /// <summary>The items of these keys, in their order; null where there is none.</summary>
    ValueTask<StateItem?[]> Get(IReadOnlyList<string> keys, CancellationToken stop);

    /// <summary>How many seconds an item is to live, as this store reads the metadata <c>ttlInSeconds</c>; none or less than none: for good.</summary>
    /// <exception cref="FormatException">The store does not take it; the message is Dapr's for this store.</exception>
    long TtlSeconds(string text);

    /// <summary>Makes all the changes, in their order, or none.</summary>
    /// <exception cref="ETagMismatchException">An item is not as the operation expects it.</exception>
    ValueTask Apply(IReadOnlyList<StateOperation> operations, CancellationToken stop);

    /// <summary>Every item whose key starts with the prefix. The sidecar itself uses it, for actor reminders.</summary>
    ValueTask<IReadOnlyList<KeyValuePair<string, byte[]>>> Scan(string prefix, CancellationToken stop);
}
