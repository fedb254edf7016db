using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Dapr.AppCallback.Autogen.Grpc.v1;
using Dapr.Client.Autogen.Grpc.v1;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Grpc.AspNetCore.Server.Model;
using Grpc.Core;
using Lavka.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Lavka.Sidecar.Tests.Contract.Grpc;

/// <summary>A recorded gRPC app beside a sidecar: it answers Dapr's callbacks by its script, has the service Echo, and remembers what it got.</summary>
internal sealed class GrpcScriptedApp : IAsyncDisposable
{
    // What clients and servers of gRPC tell each other, or what is the connection's.
    private static readonly HashSet<string> Unrecorded = ["content-type", "user-agent", "te", "host", "date", "grpc-accept-encoding", "grpc-encoding", "grpc-timeout", "accept-encoding"];
    private static readonly HashSet<string> Quiet = ["ListTopicSubscriptions", "ListInputBindings", "HealthCheck"];
    private static readonly JsonSerializerOptions EchoOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly bool _logsQuiet;
    private readonly WebApplication _server;
    private readonly Lock _lock = new();
    private int _atOnce;

    private GrpcScriptedApp(JsonElement app, X509Certificate2? certificate)
    {
        Script = new(app.GetProperty("answers"));
        _logsQuiet = app.TryGetProperty("logQuiet", out var quiet) && quiet.GetBoolean();
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, 0, listen =>
            {
                listen.Protocols = HttpProtocols.Http2;
                if (certificate is not null)
                {
                    listen.UseHttps(certificate);
                }
            });
            kestrel.Limits.MaxRequestBodySize = null;
        });
        builder.Services.AddRouting();
        builder.Services.AddGrpc(grpc => (grpc.MaxReceiveMessageSize, grpc.MaxSendMessageSize) = (null, null));
        builder.Services.AddSingleton(this);
        builder.Services.AddSingleton<IServiceMethodProvider<GrpcScriptedApp>, Methods>();
        _server = builder.Build();
        _server.MapGrpcService<GrpcScriptedApp>();
    }

    public GrpcScript Script { get; }

    public ConcurrentQueue<GrpcReceived> Log { get; } = new();

    public int Port { get; private set; }

    /// <summary>How many calls of the sidecar it had to answer at once, at most.</summary>
    public int MostAtOnce { get; private set; }

    /// <param name="script">What it answers.</param>
    /// <param name="certificate">For TLS; null: none.</param>
    public static async Task<GrpcScriptedApp> Start(JsonElement script, X509Certificate2? certificate = null)
    {
        var app = new GrpcScriptedApp(script, certificate);
        await app._server.StartAsync();
        app.Port = new Uri(app._server.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()).Port;
        return app;
    }

    /// <summary>An app that answers so.</summary>
    /// <param name="answers">What the script's <c>answers</c> has between its braces.</param>
    /// <param name="certificate">For TLS; null: none.</param>
    public static Task<GrpcScriptedApp> Answering(string answers, X509Certificate2? certificate = null) =>
        Start(JsonDocument.Parse("{\"answers\": {" + answers + "}}").RootElement, certificate);

    /// <summary>Waits until the app has got so many of these calls.</summary>
    public Task<List<JsonElement>> Received(string call, int count = 1) => Eventually.Get(() =>
    {
        var found = Log.Where(received => received.Call.EndsWith($"/{call}", StringComparison.Ordinal)).Select(received => received.ToJson()).ToList();
        return Task.FromResult(found.Count >= count ? found : null);
    }, $"{count} calls of {call}");

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    /// <summary>Remembers a call until it is over.</summary>
    internal GrpcReceived Receive(string call, bool isOwn, ServerCallContext context)
    {
        var metadata = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, values) in context.GetHttpContext().Request.Headers)
        {
            var key = name.ToLowerInvariant();
            if (!key.StartsWith(':') && !Unrecorded.Contains(key))
            {
                metadata[key] = key.EndsWith("-bin", StringComparison.Ordinal)
                    ? string.Join(", ", values.SelectMany(value => value!.Split(',')).Select(value => Proto.Text(key, Unpadded(value.Trim()))))
                    : string.Join(", ", values.AsEnumerable());
            }
        }

        var received = new GrpcReceived(call, metadata, isOwn, context.Deadline < DateTime.MaxValue);
        context.CancellationToken.Register(() => received.IsCancelled = true);
        return received;
    }

    private static byte[] Unpadded(string base64) => Convert.FromBase64String(base64.PadRight((base64.Length + 3) / 4 * 4, '='));

    private async Task<byte[]> Counted(Func<Task<byte[]>> answer)
    {
        lock (_lock)
        {
            MostAtOnce = Math.Max(MostAtOnce, ++_atOnce);
        }

        try
        {
            return await answer();
        }
        finally
        {
            lock (_lock)
            {
                _atOnce--;
            }
        }
    }

    private async Task<byte[]> Answer(MethodDescriptor method, byte[] request, ServerCallContext context)
    {
        var message = method.InputType.Parser.ParseFrom(request);
        var json = Proto.Print(message.Descriptor.Parser.ParseFrom(request));
        var received = Receive(Proto.NameOf(method), false, context);
        received.Add(json);
        if (_logsQuiet || !Quiet.Contains(method.Name))
        {
            Log.Enqueue(received);
        }

        var about = new[] { "path", "name", "method" }.Select(name => json.TryGetProperty(name, out var value) ? value.GetString() : null).FirstOrDefault(value => value is not null);
        if (Script.Next(method.Name, about) is not { } answer)
        {
            throw new RpcException(new(StatusCode.Unimplemented, "The app does not implement it."));
        }

        if (answer.TryGetProperty("delay", out var seconds))
        {
            await Task.Delay(TimeSpan.FromSeconds(seconds.GetDouble()));
        }

        if (answer.TryGetProperty("headers", out var headers))
        {
            await context.WriteResponseHeadersAsync(ToMetadata(headers));
        }

        var trailers = answer.TryGetProperty("trailers", out var recorded) ? ToMetadata(recorded) : [];
        if (answer.TryGetProperty("error", out var error))
        {
            throw Error(error, trailers);
        }

        foreach (var trailer in trailers)
        {
            context.ResponseTrailers.Add(trailer);
        }

        return (message switch
        {
            InvokeRequest invoke when answer.TryGetProperty("echo", out _) => Echo(invoke),
            TopicEventBulkRequest bulk when answer.TryGetProperty("bulk", out var statuses) => Statuses(bulk, statuses, answer),
            _ => Proto.Parse(method.OutputType, answer.GetProperty("message").GetRawText()),
        }).ToByteArray();
    }

    private static InvokeResponse Echo(InvokeRequest request)
    {
        var echo = new
        {
            method = request.Method,
            contentType = request.ContentType,
            verb = request.HttpExtension?.Verb.ToString().ToUpperInvariant(),
            querystring = request.HttpExtension?.Querystring,
            data = request.Data?.Value.ToStringUtf8() ?? "",
        };
        return new() { ContentType = "application/json", Data = new Any { Value = ByteString.CopyFromUtf8(JsonSerializer.Serialize(echo, EchoOptions)) } };
    }

    private static TopicEventBulkResponse Statuses(TopicEventBulkRequest request, JsonElement statuses, JsonElement answer)
    {
        var first = answer.TryGetProperty("first", out var count) ? count.GetInt32() : request.Entries.Count;
        var entries = request.Entries.Take(first).Select((entry, i) => new JsonObject
        {
            ["entryId"] = entry.EntryId,
            ["status"] = JsonNode.Parse(statuses[Math.Min(i, statuses.GetArrayLength() - 1)].GetRawText()),
        });
        return (TopicEventBulkResponse)Proto.Parse(TopicEventBulkResponse.Descriptor, new JsonObject { ["statuses"] = new JsonArray([.. entries]) }.ToJsonString());
    }

    private static Metadata ToMetadata(JsonElement entries)
    {
        var metadata = new Metadata();
        foreach (var entry in entries.EnumerateObject())
        {
            metadata.Add(entry.Name, entry.Value.GetString()!);
        }

        return metadata;
    }

    internal static RpcException Error(JsonElement error, Metadata trailers)
    {
        var code = Proto.Code(error.GetProperty("code").GetString()!);
        var message = error.GetProperty("message").GetString()!;
        if (error.TryGetProperty("details", out var details))
        {
            var json = new JsonObject { ["code"] = (int)code, ["message"] = message, ["details"] = JsonNode.Parse(details.GetRawText()) };
            trailers.Add("grpc-status-details-bin", Proto.Parse(Google.Rpc.Status.Descriptor, json.ToJsonString()).ToByteArray());
        }

        return new(new(code, message), trailers);
    }

    private sealed class Methods : IServiceMethodProvider<GrpcScriptedApp>
    {
        public void OnServiceMethodDiscovery(ServiceMethodProviderContext<GrpcScriptedApp> context)
        {
            foreach (var method in Proto.Callbacks)
            {
                context.AddUnaryMethod(Proto.Raw(Proto.NameOf(method), MethodType.Unary), [], (app, request, call) => app.Counted(() => app.Answer(method, request, call)));
            }

            EchoService.AddTo(context);
        }
    }
}
