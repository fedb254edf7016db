using Grpc.Core;

namespace Lavka.Sidecar.State;

/// <summary>One operation of a state transaction (Dapr: reference/api/state_api, state transactions).</summary>
/// <param name="IsUpsert">Whether it saves; otherwise it deletes.</param>
/// <param name="Request">What, and under which conditions.</param>
internal readonly record struct TransactionOperation(bool IsUpsert, StateRequest Request)
{
    /// <summary>Reads an operation's type: <c>upsert</c> or <c>delete</c>.</summary>
    /// <exception cref="ApiException">It is another.</exception>
    public static bool IsUpsertType(string? type) => type is "upsert" or "delete"
        ? type == "upsert"
        : throw new ApiException(400, "ERR_NOT_SUPPORTED_STATE_OPERATION", $"operation type {type} not supported") { Code = StatusCode.Unimplemented };
}
