namespace Dapr.Client;

/// <summary>Who wins when two write the same key (Dapr: developing-applications/building-blocks/state-management/state-management-overview).</summary>
public enum ConcurrencyMode
{
    /// <summary>The first writer; the second fails.</summary>
    FirstWrite,

    /// <summary>The last writer.</summary>
    LastWrite,
}

/// <summary>How soon a write is seen by all.</summary>
public enum ConsistencyMode
{
    /// <summary>Some time.</summary>
    Eventual,

    /// <summary>At once.</summary>
    Strong,
}

/// <summary>What an operation of a state transaction does.</summary>
public enum StateOperationType
{
    /// <summary>Saves the value.</summary>
    Upsert,

    /// <summary>Deletes the key.</summary>
    Delete,
}

/// <summary>Options of a state operation.</summary>
public class StateOptions
{
    /// <summary>Consistency; null: the store's own.</summary>
    public ConsistencyMode? Consistency { get; set; }

    /// <summary>Concurrency; null: the store's own, usually last write.</summary>
    public ConcurrencyMode? Concurrency { get; set; }
}

/// <summary>One key of a bulk read.</summary>
/// <typeparam name="TValue">The value's type.</typeparam>
/// <param name="key">The key.</param>
/// <param name="value">The value; the default where there is none.</param>
/// <param name="etag">The ETag; empty where there is no value.</param>
public readonly struct BulkStateItem<TValue>(string key, TValue value, string etag)
{
    /// <summary>The key.</summary>
    public string Key { get; } = key;

    /// <summary>The value; the default where there is none.</summary>
    public TValue Value { get; } = value;

    /// <summary>The ETag; empty where there is no value.</summary>
    public string ETag { get; } = etag;
}

/// <summary>One operation of a state transaction.</summary>
/// <param name="key">The key.</param>
/// <param name="value">The value as UTF-8 JSON; null for a delete.</param>
/// <param name="operationType">What to do.</param>
/// <param name="etag">The ETag the item must still have; null: any.</param>
/// <param name="metadata">The operation's metadata.</param>
/// <param name="options">The operation's options.</param>
public sealed class StateTransactionRequest(
    string key, byte[]? value, StateOperationType operationType, string? etag = null, IReadOnlyDictionary<string, string>? metadata = null, StateOptions? options = null)
{
    /// <summary>The operation's options.</summary>
    public StateOptions? Options = options;

    /// <summary>The key.</summary>
    public string Key { get; } = key ?? throw new ArgumentNullException(nameof(key));

    /// <summary>The value as UTF-8 JSON; null for a delete.</summary>
    public byte[]? Value { get; set; } = value;

    /// <summary>What to do.</summary>
    public StateOperationType? OperationType { get; set; } = operationType;

    /// <summary>The ETag the item must still have; null: any.</summary>
    public string? ETag { get; set; } = etag;

    /// <summary>The operation's metadata.</summary>
    public IReadOnlyDictionary<string, string>? Metadata { get; set; } = metadata;
}
