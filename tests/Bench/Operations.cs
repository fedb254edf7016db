using System.Text.Json;
using Dapr.Client;
using Dapr.Client.Autogen.Grpc.v1;
using Google.Protobuf;

namespace Lavka.Bench;

/// <summary>What is asked of a sidecar.</summary>
/// <param name="Name">For the table, and for <c>--ops</c>.</param>
/// <param name="Call">Asks once; the number counts the worker's calls.</param>
/// <param name="IsDelivered">Whether the app gets an event of each call, which is waited for.</param>
internal sealed record Operation(string Name, Func<SidecarUnderLoad, int, CancellationToken, Task> Call, bool IsDelivered = false);

/// <summary>The operations of the HTTP bench, over gRPC.</summary>
internal static class Operations
{
    private const string Store = "statestore";
    private const int Keys = 1000;

    private static readonly Dictionary<string, object> Order = new() { ["orderId"] = "7", ["amount"] = 12.5, ["text"] = new string('x', 200) };
    private static readonly Dictionary<string, string> Value = new() { ["text"] = new string('x', 300) };
    private static readonly byte[] Bytes = JsonSerializer.SerializeToUtf8Bytes(Value);

    // Dapr's client invokes over HTTP: this is its gRPC form, InvokeService.
    private static readonly InvokeServiceRequest Invocation = new()
    {
        Id = SidecarUnderLoad.AppId,
        Message = new()
        {
            Method = "echo",
            ContentType = "application/json",
            Data = new() { Value = ByteString.CopyFromUtf8($$"""{"text":"{{new string('x', 1000)}}"}""") },
            HttpExtension = new() { Verb = HTTPExtension.Types.Verb.Post },
        },
    };

    public static IReadOnlyList<Operation> All { get; } =
    [
        new("publish", (sidecar, _, cancellationToken) => sidecar.Client.PublishEventAsync("pubsub", "t", Order, cancellationToken), IsDelivered: true),
        new("state-set", (sidecar, n, cancellationToken) => sidecar.Client.SaveStateAsync(Store, $"k{n % Keys}", Value, cancellationToken: cancellationToken)),
        new("state-get", (sidecar, _, cancellationToken) => sidecar.Client.GetStateAsync<Dictionary<string, string>?>(Store, "k1", cancellationToken: cancellationToken)),
        new("state-tx", (sidecar, n, cancellationToken) => sidecar.Client.ExecuteStateTransactionAsync(Store,
        [
            new StateTransactionRequest($"k{n % Keys}", Bytes, StateOperationType.Upsert),
            new StateTransactionRequest($"j{n % Keys}", "1"u8.ToArray(), StateOperationType.Upsert),
        ], cancellationToken: cancellationToken)),
        new("invoke-post", (sidecar, _, cancellationToken) => sidecar.Raw.InvokeServiceAsync(Invocation, cancellationToken: cancellationToken).ResponseAsync),
    ];
}
