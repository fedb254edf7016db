namespace Lavka.Contracts;

/// <summary>
/// Something that happened to an aggregate. It carries the state it leads to, not a step, so that one that a later event has overtaken need not be told.
/// </summary>
public interface IEvent
{
    /// <summary>The topic of the context that tells it.</summary>
    static abstract string Topic { get; }

    /// <summary>The CloudEvents <c>type</c>, for example <c>order.created</c>.</summary>
    static abstract string Type { get; }

    /// <summary>The aggregate's id: events of one aggregate stay in order.</summary>
    string PartitionKey { get; }
}
