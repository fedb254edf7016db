using System.Diagnostics;
using System.Text.Json.Nodes;
using Grpc.Core;
using Lavka.Sidecar.Observability;
using Lavka.Sidecar.PubSub;
using Lavka.Sidecar.Resiliency;
using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.State;

/// <summary>Dapr's state management, whoever asks for it (Dapr: reference/api/state_api). Every operation throws an <see cref="ApiException"/> for what it cannot do.</summary>
internal sealed class StateManagement(Components components, ResiliencyPolicies policies, Outbox outbox, Telemetry telemetry, string appId)
{
    /// <summary>The state store of this name.</summary>
    /// <param name="name">The component's.</param>
    /// <param name="tellsApp">Whether the error's details name the app: over HTTP, but not over gRPC nor for queries.</param>
    public LoadedStateStore Find(string name, bool tellsApp = false)
    {
        return components.StateStores.TryGetValue(name, out var store) ? store
            : components.StateStores.IsEmpty
                ? throw new ApiException(
                    500, "ERR_STATE_STORE_NOT_CONFIGURED", $"state store {name} is not configured", NotThere("DAPR_STATE_NOT_CONFIGURED"))
                {
                    Code = StatusCode.FailedPrecondition,
                    GrpcDetails = GrpcDetails.WithoutMetadata,
                }
                : throw new ApiException(
                    400, "ERR_STATE_STORE_NOT_FOUND", $"state store {name} is not found", NotThere("DAPR_STATE_NOT_FOUND"))
                {
                    GrpcDetails = GrpcDetails.WithoutMetadata,
                };

        JsonArray NotThere(string reason) => ApiException.DetailsOf(reason, tellsApp ? new() { ["appID"] = appId } : null);
    }

    /// <summary>Null: there is no such key.</summary>
    public async ValueTask<StateItem?> Get(LoadedStateStore store, string key, CancellationToken stop)
    {
        var stored = StoredKey(store, key);
        try
        {
            return (await Run(store, "get", token => store.Store.Get([stored], token), stop))[0];
        }
        catch (Exception e) when (IsFailure(e, stop))
        {
            throw new ApiException(500, "ERR_STATE_GET", $"fail to get {key} from state store {store.Name}: {e.Message}");
        }
    }

    /// <summary>The items of these keys, in their order; null where there is none.</summary>
    public async ValueTask<StateItem?[]> GetBulk(LoadedStateStore store, IReadOnlyCollection<string> keys, CancellationToken stop)
    {
        var stored = keys.Select(key => StoredKey(store, key)).ToList();
        try
        {
            return stored.Count == 0 ? [] : await Run(store, "bulk_get", token => store.Store.Get(stored, token), stop);
        }
        catch (Exception e) when (IsFailure(e, stop))
        {
            throw new ApiException(500, "ERR_STATE_BULK_GET", e.Message);
        }
    }

    /// <summary>Saves items. As in daprd each stands for itself: one that fails does not keep the others from being saved.</summary>
    public async ValueTask Save(LoadedStateStore store, IReadOnlyList<StateRequest> items, IReadOnlyDictionary<string, string> metadata, CancellationToken stop)
    {
        var keys = items.Select(item => StoredKey(store, item.Key)).ToList();
        var failures = items.Count == 1
            ? [await Try(store, "set", () => items[0].Upsert(keys[0], metadata, store.Store), stop)]
            : await Task.WhenAll(items.Zip(keys, (item, key) => Try(store, "set", () => item.Upsert(key, metadata, store.Store), stop)));
        Check(failures, "ERR_STATE_SAVE", $"failed saving state in state store {store.Name}");
    }

    public async ValueTask Delete(LoadedStateStore store, StateRequest item, CancellationToken stop)
    {
        var key = StoredKey(store, item.Key);
        Check([await Try(store, "delete", () => new(key, null, item.ETag, item.FirstWrite()), stop)], "ERR_STATE_DELETE", $"failed deleting state with key {item.Key}");
    }

    /// <summary>Deletes items, each for itself.</summary>
    public async ValueTask DeleteBulk(LoadedStateStore store, IReadOnlyList<StateRequest> items, CancellationToken stop)
    {
        var keys = items.Select(item => StoredKey(store, item.Key)).ToList();
        var failures = await Task.WhenAll(items.Zip(keys, (item, key) => Try(store, "bulk_delete", () => new(key, null, item.ETag, item.FirstWrite()), stop)));
        Check(failures, "ERR_STATE_BULK_DELETE", $"failed deleting state in state store {store.Name}");
    }

    /// <summary>Makes all the changes, or none; with an outbox the saved items become events (Dapr: developing-applications/building-blocks/state-management/howto-outbox).</summary>
    /// <param name="trace">The trace that the events belong to.</param>
    public async ValueTask Transact(LoadedStateStore store, IReadOnlyList<TransactionOperation> requested, IReadOnlyDictionary<string, string> metadata,
        (string TraceParent, string TraceState) trace, CancellationToken stop)
    {
        var operations = new List<StateOperation>(requested.Count);
        List<OutboxItem>? events = store.Outbox is null ? null : [];
        foreach (var (isUpsert, item) in requested)
        {
            var key = StoredKey(store, item.Key);
            try
            {
                operations.Add(isUpsert ? item.Upsert(key, metadata, store.Store) : item.Delete(key));
            }
            catch (Exception e) when (e is StateOptionException or FormatException)
            {
                throw TransactionFailed(e.Message);
            }

            if (isUpsert)
            {
                events?.Add(OutboxItem.Of(item, key, metadata));
            }
        }

        if (events is { Count: > 0 })
        {
            operations = await Announce(store, operations, events, trace, stop);
        }

        if (operations.Count == 0)
        {
            return;
        }

        try
        {
            await Apply(store, "transaction", operations, stop);
        }
        catch (Exception e) when (IsFailure(e, stop))
        {
            throw TransactionFailed(e.Message);
        }
    }

    /// <summary>Queries are not supported by any store here.</summary>
    public static ApiException CannotQuery(LoadedStateStore store) => ApiException.Detailed(500, "ERR_STATE_STORE_NOT_SUPPORTED", "state store does not support querying",
        "DAPR_STATE_QUERYING_NOT_SUPPORTED", null, ApiException.Resource("state", store.Name));

    private async Task<List<StateOperation>> Announce(LoadedStateStore store, List<StateOperation> operations, List<OutboxItem> events, (string TraceParent, string TraceState) trace, CancellationToken stop)
    {
        try
        {
            return await outbox.Announce(store, store.Outbox!, operations, events, trace.TraceParent, trace.TraceState, stop);
        }
        catch (ApiException e)
        {
            throw ApiException.Detailed(500, "ERR_PUBLISH_OUTBOX", $"error while publishing outbox message: {e.Message}", "DAPR_PUBSUB_OUTBOX",
                new() { ["appID"] = appId, ["error"] = e.Message });
        }
    }

    private static ApiException TransactionFailed(string problem) => new(500, "ERR_STATE_TRANSACTION", $"error while executing state transaction: {problem}");

    private static string StoredKey(LoadedStateStore store, string key)
    {
        if (!key.Contains(KeyPrefix.Separator, StringComparison.Ordinal))
        {
            return store.Prefix.Apply(key);
        }

        var problem = $"input key/keyPrefix '{key}' can't contain '||'";
        var message = $"api error: code = InvalidArgument desc = {problem}";
        throw new ApiException(400, "ERR_MALFORMED_REQUEST", message, ApiException.DetailsOf("DAPR_STATE_ILLEGAL_KEY", null, ApiException.Resource("state", store.Name), new()
        {
            ["@type"] = "type.googleapis.com/google.rpc.BadRequest",
            ["field_violations"] = new JsonArray(new JsonObject { ["description"] = message, ["field"] = key }),
        }))
        {
            GrpcMessage = problem,
        };
    }

    /// <summary>Null, or why the change was not made.</summary>
    private async Task<Exception?> Try(LoadedStateStore store, string operation, Func<StateOperation> change, CancellationToken stop)
    {
        try
        {
            await Apply(store, operation, [change()], stop);
            return null;
        }
        catch (Exception e) when (IsFailure(e, stop))
        {
            return e;
        }
    }

    /// <exception cref="ApiException">One of the changes was not made. If it was the ETags alone, this is told once for all of them; otherwise a wrong ETag comes before all else.</exception>
    private static void Check(Exception?[] failures, string errorCode, string what)
    {
        var failed = failures.OfType<Exception>().ToList();
        if (failed.Count > 0)
        {
            var reasons = string.Join('\n', failed.Select(e => e.Message));
            var wrong = failed.Find(e => e is ETagMismatchException or InvalidETagException);
            if (failures.Length > 1 && failed.TrueForAll(e => e is ETagMismatchException or InvalidETagException))
            {
                wrong = failed.Exists(e => e is InvalidETagException) ? new InvalidETagException(reasons) : new ETagMismatchException(reasons);
            }

            throw new ApiException(wrong is null ? 500 : wrong is ETagMismatchException ? 409 : 400, errorCode, $"{what}: {wrong?.Message ?? reasons}");
        }
    }

    private async ValueTask Apply(LoadedStateStore store, string operation, IReadOnlyList<StateOperation> operations, CancellationToken stop) => await Run(store, operation, async token =>
    {
        await store.Store.Apply(operations, token);
        return true;
    }, stop);

    private ValueTask<T> Run<T>(LoadedStateStore store, string operation, Func<CancellationToken, ValueTask<T>> call, CancellationToken stop)
    {
        var run = policies.Outbound(store.Name, "Statestore").RunOrThrow(call, stop);
        return telemetry.Metrics is null ? run : Counted();

        async ValueTask<T> Counted()
        {
            var started = Stopwatch.GetTimestamp();
            var succeeded = false;
            try
            {
                var result = await run;
                succeeded = true;
                return result;
            }
            finally
            {
                telemetry.Metrics.Component("state", store.Name, operation, succeeded, Stopwatch.GetElapsedTime(started));
            }
        }
    }

    private static bool IsFailure(Exception e, CancellationToken stop) => e is not ApiException && !stop.IsCancellationRequested;
}
