namespace Lavka.Sidecar.State;

/// <summary>A state store component.</summary>
internal interface IStateStore : IComponent
{
    /// <summary>The items of these keys, in their order; null where there is none.</summary>
    ValueTask<StateItem?[]> Get(IReadOnlyList<string> keys, CancellationToken stop);

    /// <summary>Makes all the changes, in their order, or none.</summary>
    /// <exception cref="ETagMismatchException">An item is not as the operation expects it.</exception>
    ValueTask Apply(IReadOnlyList<StateOperation> operations, CancellationToken stop);

    /// <summary>Every item whose key starts with the prefix. The sidecar itself uses it, for actor reminders.</summary>
    ValueTask<IReadOnlyList<KeyValuePair<string, byte[]>>> Scan(string prefix, CancellationToken stop);
}
