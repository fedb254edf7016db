using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Dapr.AppCallback.Autogen.Grpc.v1;
using Dapr.Client.Autogen.Grpc.v1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Lavka.Sidecar.Scheduling;

namespace Lavka.Sidecar.Jobs;

/// <summary>Why the app did not take a job.</summary>
/// <param name="Message">For the log.</param>
/// <param name="MayPass">Whether another try makes sense: not for a job that the app does not know.</param>
internal sealed record JobProblem(string Message, bool MayPass);

/// <summary>
/// Brings a job that is due to the app (Dapr: reference/api/jobs_api): <c>POST /job/{name}</c> to an HTTP app, <c>OnJobEventAlpha1</c> to a gRPC app.
/// </summary>
internal static class JobDelivery
{
    private const string JsonType = "type.googleapis.com/google.protobuf.Value";

    private static readonly MediaTypeHeaderValue Json = new("application/json");

    /// <summary>Null: the app has taken it.</summary>
    public static Task<JobProblem?> Bring(Schedule job, AppChannel app, CancellationToken cancellationToken) =>
        app.IsGrpc ? Call(job, app.Calls, cancellationToken) : Post(job, app, cancellationToken);

    /// <summary>A job's data as the message that it is in Dapr's API; null: it has none.</summary>
    public static Any? MessageOf(Schedule job) =>
        job.Message is { } message ? new() { TypeUrl = message.TypeUrl, Value = UnsafeByteOperations.UnsafeWrap(message.Value) }
        : job.Data.ValueKind == JsonValueKind.Undefined ? null
        : Any.Pack(JsonParser.Default.Parse<Value>(job.Data.GetRawText()));

    private static async Task<JobProblem?> Post(Schedule job, AppChannel app, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, app.At($"/job/{Uri.EscapeDataString(job.Name)}")) { Content = new ReadOnlyMemoryContent(Body(job)) };
        request.Content.Headers.ContentType = Json;
        using var response = await app.Send(request, cancellationToken);
        return response.IsSuccessStatusCode ? null : new($"the app answered {(int)response.StatusCode}", response.StatusCode != HttpStatusCode.NotFound);
    }

    // What is no JSON goes out as its message's bytes, without the white space around them: so daprd does it.
    private static ReadOnlyMemory<byte> Body(Schedule job) =>
        job.Message is { TypeUrl: JsonType } json ? Encoding.UTF8.GetBytes(JsonFormatter.Default.Format(Value.Parser.ParseFrom(json.Value)))
        : job.Message is { } message ? message.Value.AsMemory().Trim(" \t\n\v\f\r"u8)
        : job.Data.ValueKind == JsonValueKind.Undefined ? default
        : Encoding.UTF8.GetBytes(job.Data.GetRawText());

    private static async Task<JobProblem?> Call(Schedule job, AppCalls app, CancellationToken cancellationToken)
    {
        var data = MessageOf(job);
        var request = new JobEventRequest
        {
            Name = job.Name,
            Data = data,
            Method = $"job/{job.Name}",
            ContentType = data?.TypeUrl ?? "",
            HttpExtension = new() { Verb = HTTPExtension.Types.Verb.Post },
        };
        try
        {
            await app.OnJobEventAlpha1(request, new(cancellationToken: cancellationToken));
            return null;
        }
        catch (RpcException e) when (!cancellationToken.IsCancellationRequested)
        {
            return new($"the app answered {e.StatusCode}: {e.Status.Detail}", e.StatusCode != StatusCode.NotFound);
        }
    }
}
