using System.Text.Json;
using Dapr.Client;

namespace Lavka.ServiceDefaults;

/// <summary>What some changes have read together, and what they have made of it so far.</summary>
internal sealed class Documents(JsonSerializerOptions json)
{
    private readonly Dictionary<string, Document> _all = [];

    /// <summary>What a document holds; null: there is none.</summary>
    public static T? Read<T>(StoredDocument document, JsonSerializerOptions json)
        where T : class => document.Json.IsEmpty ? null : JsonSerializer.Deserialize<T>(document.Json.Span, json);

    /// <summary>Adds what was read.</summary>
    /// <param name="mayBeThere">Whether nothing means little: it is a bulk answer's, which may leave out what is there.</param>
    public void Add(IEnumerable<KeyValuePair<string, StoredDocument>> read, bool mayBeThere)
    {
        foreach (var (key, stored) in read)
        {
            _all[key] = new() { Stored = stored, MayBeThere = mayBeThere && stored.Json.IsEmpty };
        }
    }

    /// <summary>Whether there is nothing for this key in a bulk answer, it has not been asked for alone, and nobody has made it since.</summary>
    public bool MayBeThere(string key) => _all[key] is { MayBeThere: true, Write: null };

    /// <summary>A document as it is now; null: there is none.</summary>
    public T? Find<T>(string key)
        where T : class
    {
        var document = _all[key];
        if (!document.IsParsed)
        {
            document.Value = Read<T>(document.Stored!.Value, json);
            document.IsParsed = true;
        }

        return (T?)document.Value;
    }

    /// <summary>Changes a document. One that was not read, such as an index's full page, is protected by the others of its transaction.</summary>
    /// <param name="keptFor">How long the store keeps it (Dapr: developing-applications/building-blocks/state-management/state-store-ttl); null: for ever.</param>
    public void Set<T>(string key, T value, TimeSpan? keptFor = null)
        where T : class
    {
        if (!_all.TryGetValue(key, out var document))
        {
            _all[key] = document = new();
        }

        (document.Value, document.IsParsed, document.Write, document.KeptFor) = (value, true, () => JsonSerializer.SerializeToUtf8Bytes(value, json), keptFor);
    }

    /// <summary>Saves what was changed: everything or nothing.</summary>
    /// <param name="extras">What is saved with it.</param>
    /// <param name="isAlone">Whether nobody else's changes are among them: then it is told whether somebody was first or the store has failed.</param>
    /// <returns>False: somebody else has saved one of them first; or, if they are several changes, they cannot be saved together.</returns>
    public async Task<bool> TrySave(DaprClient dapr, IReadOnlyList<Guarded> extras, bool isAlone)
    {
        var changed = _all.Where(one => one.Value.Write is not null).ToList();
        List<Guarded> guarded =
        [
            .. changed.Where(one => one.Value.Stored is not null).Select(one => Guarded.Upsert(one.Key, one.Value.Write!(), one.Value.Stored!.Value.ETag, one.Value.KeptFor)), .. extras,
        ];
        List<StateTransactionRequest> others =
            [.. changed.Where(one => one.Value.Stored is null).Select(one => new StateTransactionRequest(one.Key, one.Value.Write!(), StateOperationType.Upsert, metadata: Guarded.Ttl(one.Value.KeptFor)))];
        if (isAlone)
        {
            return await dapr.TryExecute(Outbox.Store, guarded, others, default);
        }

        try
        {
            await dapr.ExecuteStateTransactionAsync(Outbox.Store, [.. guarded.Select(one => one.Request), .. others]);
            return true;
        }
        catch (Dapr.DaprException)
        {
            return false;
        }
    }

    private sealed class Document
    {
        /// <summary>What was read; null: it was not read.</summary>
        public StoredDocument? Stored { get; init; }

        public bool MayBeThere { get; init; }

        public object? Value { get; set; }

        public bool IsParsed { get; set; }

        /// <summary>Null: it is unchanged.</summary>
        public Func<byte[]>? Write { get; set; }

        public TimeSpan? KeptFor { get; set; }
    }
}
