using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Dapr.Client;
using Dapr.Client.Autogen.Grpc.v1;
using Grpc.Core;
using Grpc.Net.Client;
using Lavka.Sidecar.Testing;
using Lavka.Testing;

namespace Lavka.Services.Tests;

/// <summary>An event as a sidecar would deliver it.</summary>
internal sealed record Published(string Topic, string Type, string Id, JsonElement Data);

/// <summary>
/// A service's sidecar in the test's process, with Dapr's own client. The calls on their way to it can be made to fail, and be seen; events must be as their schemas have them.
/// </summary>
internal sealed class ServiceSidecar : IAsyncDisposable
{
    private const string Service = "/dapr.proto.runtime.v1.Dapr/";

    private readonly EmbeddedSidecar _sidecar;
    private readonly TempFolder _folder;
    private readonly GrpcChannel _channel;
    private readonly SocketsHttpHandler _connections = new() { UseProxy = false };

    private ServiceSidecar(EmbeddedSidecar sidecar, TempFolder folder)
    {
        (_sidecar, _folder) = (sidecar, folder);
        _channel = GrpcChannel.ForAddress(sidecar.GrpcEndpoint, new() { HttpHandler = new Calls(this, _connections), ThrowOperationCanceledOnCancellation = true });
        Api = new(_channel);
        Client = new DaprClientBuilder().UseHttpEndpoint(sidecar.HttpEndpoint.ToString()).UseGrpcEndpoint(sidecar.GrpcEndpoint.ToString())
            .UseGrpcChannelOptions(new() { HttpHandler = new Calls(this, _connections), ThrowOperationCanceledOnCancellation = true }).Build();
    }

    public DaprClient Client { get; }

    /// <summary>Its gRPC API.</summary>
    public Dapr.Client.Autogen.Grpc.v1.Dapr.DaprClient Api { get; }

    /// <summary>Told what is published.</summary>
    public Action<Published> OnPublished { get; set; } = _ => { };

    /// <summary>Asked before each publish; true makes it fail, as a crash or a broker that is away does.</summary>
    public Func<bool> FailsToPublish { get; set; } = () => false;

    /// <summary>Asked of each event that is published; true: the broker does not take it, nor what comes in one bulk with it.</summary>
    public Func<string, bool> IsRefused { get; set; } = _ => false;

    /// <summary>Runs before each save: the moment for somebody else to save first.</summary>
    public Func<Task> BeforeSave { get; set; } = () => Task.CompletedTask;

    /// <summary>Asked before each transaction; true makes it fail.</summary>
    public Func<ExecuteStateTransactionRequest, bool> FailsToSave { get; set; } = _ => false;

    /// <summary>How often something was saved.</summary>
    public int Saves { get; private set; }

    /// <summary>What went out through output bindings.</summary>
    public List<(string Binding, string Text, IReadOnlyDictionary<string, string> Metadata)> Sent { get; } = [];

    /// <summary>Asked before each call of an output binding; true makes it fail.</summary>
    public Func<Task<bool>> FailsToSend { get; set; } = () => Task.FromResult(false);

    public static async Task<ServiceSidecar> Start(string appId)
    {
        var folder = new TempFolder();
        var secrets = folder.Write("secrets.json", """{ "token-key": "the token-key", "operator-password": "the operator-password", "carrier-key": "the carrier-key" }""");
        return new(await EmbeddedSidecar.StartAsync(new()
        {
            AppId = appId,
            Resources =
            [
                Component("statestore", "state.in-memory"),
                Component("pubsub", "pubsub.in-memory"),
                Component("email", "bindings.localstorage", ("rootPath", Path.Combine(folder.Path, "mail"))),
                Component("sms", "bindings.localstorage", ("rootPath", Path.Combine(folder.Path, "sms"))),
                Component("secretstore", "secretstores.local.file", ("secretsFile", secrets)),
            ],
        }), folder);
    }

    /// <summary>What is stored for a key.</summary>
    public async Task<T?> Read<T>(string key) => await Client.GetStateAsync<T?>("statestore", key);

    /// <summary>As if the sidecar were new: nothing is stored, nothing was saved or sent, and nothing fails.</summary>
    public void Reset()
    {
        _sidecar.ClearState();
        Sent.Clear();
        Saves = 0;
        (OnPublished, FailsToPublish, IsRefused, BeforeSave, FailsToSend, FailsToSave) = (_ => { }, () => false, _ => false, () => Task.CompletedTask, () => Task.FromResult(false), _ => false);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        _channel.Dispose();
        _connections.Dispose();
        await _sidecar.DisposeAsync();
        _folder.Dispose();
    }

    private static string Component(string name, string type, params (string Name, string Value)[] metadata) => $"""
        apiVersion: dapr.io/v1alpha1
        kind: Component
        metadata:
          name: {name}
        spec:
          type: {type}
          version: v1
          metadata: [{string.Join(", ", metadata.Select(item => $"{{ name: {item.Name}, value: \"{item.Value}\" }}"))}]
        """;

    private async Task<bool> IsLetThrough(string call, ReadOnlyMemory<byte> request)
    {
        switch (call)
        {
            case "PublishEvent":
                return !FailsToPublish();
            case "BulkPublishEvent":
                return !FailsToPublish() && !BulkPublishRequest.Parser.ParseFrom(request.Span).Entries.Any(entry => IsRefused(entry.Metadata["cloudevent.id"]));
            case "InvokeBinding":
                return !await FailsToSend();
            case "SaveState" or "ExecuteStateTransaction":
                await BeforeSave();
                return call == "SaveState" || !FailsToSave(ExecuteStateTransactionRequest.Parser.ParseFrom(request.Span));
            default:
                return true;
        }
    }

    private void Note(string call, ReadOnlySpan<byte> request)
    {
        switch (call)
        {
            case "BulkPublishEvent":
                var published = BulkPublishRequest.Parser.ParseFrom(request);
                foreach (var entry in published.Entries)
                {
                    Note(new Published(published.Topic, entry.Metadata["cloudevent.type"], entry.Metadata["cloudevent.id"], JsonDocument.Parse(entry.Event.Memory).RootElement));
                }

                break;
            case "InvokeBinding":
                var sent = InvokeBindingRequest.Parser.ParseFrom(request);
                Sent.Add((sent.Name, JsonSerializer.Deserialize<string>(sent.Data.Span)!, sent.Metadata));
                break;
            case "SaveState" or "ExecuteStateTransaction":
                Saves++;
                break;
        }
    }

    private void Note(Published @event)
    {
        var problem = EventSchemas.Problem(@event.Type, @event.Data);
        Assert.True(problem is null, problem);
        OnPublished(@event);
    }

    /// <summary>The way of the client's calls to the sidecar.</summary>
    private sealed class Calls(ServiceSidecar sidecar, HttpMessageHandler next) : DelegatingHandler(next)
    {
        // A message is preceded by a byte that tells of compression, and four with its length.
        private const int Prefix = 5;

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var call = request.RequestUri!.AbsolutePath[Service.Length..];
            var message = await request.Content!.ReadAsByteArrayAsync(cancellationToken);
            if (!await sidecar.IsLetThrough(call, message.AsMemory(Prefix)))
            {
                return Failure(StatusCode.Internal);
            }

            var content = new ByteArrayContent(message);
            content.Headers.ContentType = request.Content.Headers.ContentType;
            request.Content = content;
            var response = await base.SendAsync(request, cancellationToken);
            await response.Content.LoadIntoBufferAsync(cancellationToken);
            if (response.TrailingHeaders.TryGetValues("grpc-status", out var status) && status.First() == "0")
            {
                sidecar.Note(call, message.AsSpan(Prefix));
            }

            return response;
        }

        private static HttpResponseMessage Failure(StatusCode code) => new(HttpStatusCode.OK)
        {
            Version = HttpVersion.Version20,
            Content = new ByteArrayContent([]) { Headers = { ContentType = new MediaTypeHeaderValue("application/grpc") } },
            Headers = { { "grpc-status", ((int)code).ToString(CultureInfo.InvariantCulture) }, { "grpc-message", "the test says so" } },
        };
    }
}
