using System.Text.RegularExpressions;
using Lavka.Sidecar.Go;
using Lavka.Sidecar.Redis;
using Lavka.Sidecar.Resources;
using StackExchange.Redis;

namespace Lavka.Sidecar.State;

/// <summary>
/// <c>state.redis</c> (Dapr: reference/components-reference/supported-state-stores/setup-redis), with daprd's layout: a database may go from the one to the other and back. Unlike
/// daprd's, its transactions are made as a whole or not at all. Redis' own clock counts for TTLs.
/// </summary>
internal sealed partial class RedisStateStore : IStateStore
{
    private const int PageSize = 1000;
    private static readonly RedisValue[] Fields = ["data", "version"];

    private readonly RedisConnection _connection;
    private readonly RedisOptions _options;
    private readonly TimeSpan? _defaultTtl;

    public RedisStateStore(ComponentMetadata metadata, ILogger<RedisStateStore> log)
    {
        if (metadata.Find("queryIndexes") is not null)
        {
            throw metadata.Error($"the metadata field 'queryIndexes' of {metadata.Type} is set; this sidecar keeps no JSON documents in Redis, so there is nothing to query. Leave it out.");
        }

        // The last two are daprd's, for all components of Redis alike; a store has no use for them.
        _ = (metadata.Find("redeliverInterval"), metadata.Find("processingTimeout"));
        _defaultTtl = metadata.Number("ttlInSeconds", 0, least: int.MinValue) is > 0 and var seconds ? TimeSpan.FromSeconds(seconds) : null;
        _options = RedisOptions.From(metadata, leastPause: TimeSpan.FromSeconds(2));
        _connection = new(_options, log);
    }

    public IReadOnlyList<string> Capabilities { get; } = ["ETAG", "TRANSACTIONAL", "TTL", "KEYS_LIKE", "ACTOR"];

    public Task Start(CancellationToken stop) => _connection.Start(stop);

    public async ValueTask<StateItem?[]> Get(IReadOnlyList<string> keys, CancellationToken stop) =>
        keys.Count == 1 ? [await Get(keys[0], stop)] : await Task.WhenAll(keys.Select(key => Get(key, stop)));

    public long TtlSeconds(string text)
    {
        try
        {
            return GoNumber.ParseInt(text);
        }
        catch (FormatException e)
        {
            throw new FormatException($"failed to parse ttl from metadata: {e.Message}");
        }
    }

    public async ValueTask Apply(IReadOnlyList<StateOperation> operations, CancellationToken stop)
    {
        if (operations.Count == 0)
        {
            return;
        }

        CheckETags(operations);
        var keys = operations.Select(operation => (RedisKey)operation.Key).ToArray();
        var arguments = RedisStateScript.Arguments(operations, _defaultTtl);

        // Made twice it comes to the same, if no change expects what another one of them has changed.
        var isRepeatable = operations.All(operation => operation is { ETag: null, FirstWrite: false });
        var run = async (IDatabase database) => (int)await database.ScriptEvaluateAsync(RedisStateScript.Text, keys, arguments);
        var conflict = await (isRepeatable ? _connection.Ask(run, stop) : _connection.Change(run, stop));
        if (conflict > 0)
        {
            var (key, value, _, _, _, _) = operations[conflict - 1];
            throw new ETagMismatchException($"failed to {(value is null ? "delete" : "set key")} {key}");
        }
    }

    public async ValueTask<IReadOnlyList<KeyValuePair<string, byte[]>>> Scan(string prefix, CancellationToken stop)
    {
        var keys = new HashSet<string>();
        foreach (var server in _connection.Masters)
        {
            keys.UnionWith(await _connection.Ask(async _ =>
                await server.KeysAsync(_options.Database, Special().Replace(prefix, @"\$0") + "*", PageSize).Select(key => key.ToString()).ToListAsync(stop), stop));
        }

        var found = keys.ToList();
        return [.. found.Zip(await Get(found, stop)).Where(pair => pair.Second is not null).Select(pair => KeyValuePair.Create(pair.First, pair.Second!.Value))];
    }

    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    /// <exception cref="InvalidETagException">An item is to be saved over one whose ETag is no number, as all here are.</exception>
    private static void CheckETags(IReadOnlyList<StateOperation> operations)
    {
        try
        {
            foreach (var operation in operations.Where(operation => operation is { Value: not null, ETag: not null }))
            {
                GoNumber.ParseInt(operation.ETag!, "Atoi");
            }
        }
        catch (FormatException e)
        {
            throw new InvalidETagException(e.Message);
        }
    }

    private async Task<StateItem?> Get(string key, CancellationToken cancellationToken)
    {
        RedisValue[] fields;
        try
        {
            fields = await _connection.Ask(database => database.HashGetAsync(key, Fields), cancellationToken);
        }
        catch (IOException e) when (RedisErrors.Is(e, "WRONGTYPE"))
        {
            // From a time when Dapr kept items as they are, without a version. What is no string either fails.
            return new((byte[])(await _connection.Ask(database => database.StringGetAsync(key), cancellationToken))!, "", null);
        }

        return fields[0].IsNull && fields[1].IsNull ? null
            : fields[0].IsNull || fields[1].IsNull ? throw new InvalidDataException("required hash field 'data' or 'version' was not found")
            : new((byte[])fields[0]!, fields[1].ToString(), null);
    }

    [GeneratedRegex(@"[*?\[\]\\^]")]
    private static partial Regex Special();
}
