using System.Text.Json;
using Grpc.Core;
using Status = Grpc.Core.Status;

namespace Lavka.Sidecar.Tests.Contract.Grpc;

/// <summary>How a call ended.</summary>
/// <param name="Message">Of a unary call that succeeded.</param>
internal sealed record GrpcAnswer(Status Status, IReadOnlyDictionary<string, string> Headers, IReadOnlyDictionary<string, string> Trailers, IReadOnlyList<JsonElement> Details, JsonElement? Message)
{
    private const string DetailsTrailer = "grpc-status-details-bin";

    /// <summary>How a call ended whose answer has been waited for.</summary>
    /// <param name="failure">What the wait threw.</param>
    public static async Task<GrpcAnswer> From(RpcException? failure, Task<Metadata> headers, Func<Metadata> trailers, JsonElement? message = null)
    {
        await Task.WhenAny(headers);
        return From(failure?.Status ?? Status.DefaultSuccess, headers.IsCompletedSuccessfully ? headers.Result : [], failure?.Trailers ?? trailers(), message);
    }

    private static GrpcAnswer From(Status status, Metadata headers, Metadata trailers, JsonElement? message)
    {
        var details = trailers.GetValueBytes(DetailsTrailer) is { } bytes ? Google.Rpc.Status.Parser.ParseFrom(bytes).Details : [];
        return new(status, Texts(headers), Texts(trailers), [.. details.Select(detail => Proto.Print(detail))], message);
    }

    public override string ToString() =>
        $"{Status.StatusCode} \"{Status.Detail}\" details [{string.Join(", ", Details)}] headers {JsonSerializer.Serialize(Headers)} message {Message} trailers {JsonSerializer.Serialize(Trailers)}";

    private static Dictionary<string, string> Texts(Metadata metadata) => metadata.Where(entry => entry.Key != DetailsTrailer).GroupBy(entry => entry.Key)
        .ToDictionary(group => group.Key, group => string.Join(", ", group.Select(entry => entry.IsBinary ? Proto.Text(entry.Key, entry.ValueBytes) : entry.Value)));
}
