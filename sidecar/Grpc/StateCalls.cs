using Dapr.Client.Autogen.Grpc.v1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Lavka.Sidecar.PubSub;
using Lavka.Sidecar.State;
using SavedItem = Dapr.Client.Autogen.Grpc.v1.StateItem;
using StateItem = Lavka.Sidecar.State.StateItem;

namespace Lavka.Sidecar.Grpc;

/// <summary>The state calls of Dapr's gRPC API (Dapr: reference/api/state_api).</summary>
internal sealed class StateCalls(StateManagement state)
{
    private static readonly Empty Nothing = new();

    public void AddTo(GrpcMethods methods)
    {
        methods.Unary<GetStateRequest, GetStateResponse>("state", GetState);
        methods.Unary<GetBulkStateRequest, GetBulkStateResponse>("state", GetBulkState);
        methods.Unary<SaveStateRequest, Empty>("state", SaveState);
        methods.Unary<DeleteStateRequest, Empty>("state", DeleteState);
        methods.Unary<DeleteBulkStateRequest, Empty>("state", DeleteBulkState);
        methods.Unary<ExecuteStateTransactionRequest, Empty>("state", ExecuteStateTransaction);
        methods.Unary<QueryStateRequest, QueryStateResponse>("state", QueryStateAlpha1);
    }

    private async Task<GetStateResponse> GetState(GetStateRequest request, GrpcCall call)
    {
        if (await state.Get(state.Find(request.StoreName), request.Key, call.Stop) is not { } item)
        {
            return new();
        }

        var response = new GetStateResponse { Data = UnsafeByteOperations.UnsafeWrap(item.Value), Etag = item.ETag };
        AddExpiry(response.Metadata, item);
        return response;
    }

    private async Task<GetBulkStateResponse> GetBulkState(GetBulkStateRequest request, GrpcCall call)
    {
        var items = await state.GetBulk(state.Find(request.StoreName), request.Keys, call.Stop);
        var response = new GetBulkStateResponse();
        response.Items.AddRange(request.Keys.Zip(items, (key, item) =>
        {
            var answer = new BulkStateItem { Key = key };
            if (item is not null)
            {
                (answer.Data, answer.Etag) = (UnsafeByteOperations.UnsafeWrap(item.Value), item.ETag);
                AddExpiry(answer.Metadata, item);
            }

            return answer;
        }));
        return response;
    }

    private async Task<Empty> SaveState(SaveStateRequest request, GrpcCall call)
    {
        var store = state.Find(request.StoreName);
        var items = request.States.Select(Read).ToList();
        if (items.Exists(item => item.Key.Length == 0))
        {
            throw new ApiException(400, "ERR_STATE_SAVE", "state key cannot be empty");
        }

        await state.Save(store, items, NoMetadata, call.Stop);
        return Nothing;
    }

    private async Task<Empty> DeleteState(DeleteStateRequest request, GrpcCall call)
    {
        await state.Delete(state.Find(request.StoreName), new()
        {
            Key = request.Key,
            ETag = request.Etag is { Value.Length: > 0 } etag ? etag.Value : null,
            Concurrency = Concurrency(request.Options),
        }, call.Stop);
        return Nothing;
    }

    private async Task<Empty> DeleteBulkState(DeleteBulkStateRequest request, GrpcCall call)
    {
        await state.DeleteBulk(state.Find(request.StoreName), [.. request.States.Select(Read)], call.Stop);
        return Nothing;
    }

    private async Task<Empty> ExecuteStateTransaction(ExecuteStateTransactionRequest request, GrpcCall call)
    {
        var store = state.Find(request.StoreName);
        List<TransactionOperation> operations = [.. request.Operations.Select(operation =>
            new TransactionOperation(TransactionOperation.IsUpsertType(operation.OperationType), Read(operation.Request ?? new())))];
        // As in daprd, the request's own metadata do not reach its items; over HTTP they do.
        await state.Transact(store, operations, NoMetadata, call.TraceContext, call.Stop);
        return Nothing;
    }

    private Task<QueryStateResponse> QueryStateAlpha1(QueryStateRequest request, GrpcCall call) => throw StateManagement.CannotQuery(state.Find(request.StoreName));

    private static StateRequest Read(SavedItem item) => new()
    {
        Key = item.Key,
        Value = item.Value.ToByteArray(),
        IsBinary = true,
        ETag = item.Etag is { Value.Length: > 0 } etag ? etag.Value : null,
        Metadata = new(item.Metadata),
        ContentType = item.Metadata.GetValueOrDefault("contentType"),
        Concurrency = Concurrency(item.Options),
    };

    private static string? Concurrency(StateOptions? options) => options?.Concurrency switch
    {
        StateOptions.Types.StateConcurrency.ConcurrencyFirstWrite => "first-write",
        StateOptions.Types.StateConcurrency.ConcurrencyLastWrite => "last-write",
        _ => null,
    };

    private static void AddExpiry(IDictionary<string, string> metadata, StateItem item)
    {
        if (item.Expires is { } expires)
        {
            metadata["ttlExpireTime"] = CloudEvents.Rfc3339(expires);
        }
    }

    private static IReadOnlyDictionary<string, string> NoMetadata { get; } = new Dictionary<string, string>();
}
