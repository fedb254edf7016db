using System.Net.Http.Json;
using Lavka.Sidecar.State;

namespace Lavka.Sidecar.Testing;

/// <summary>How a test's sidecar is started. Everything has a default.</summary>
public sealed record EmbeddedSidecarOptions
{
    /// <summary>The app's id.</summary>
    public string AppId { get; init; } = "app";

    /// <summary>The port the app listens on, or will; null: there is no app.</summary>
    public int? AppPort { get; init; }

    /// <summary>What the app speaks.</summary>
    public AppProtocol AppProtocol { get; init; }

    /// <summary>
    /// Folders with Dapr resources. Without any, and without <see cref="Resources"/>, there are a pub/sub component <c>pubsub</c> and a state store
    /// <c>statestore</c>, for actors too, both in memory.
    /// </summary>
    public IReadOnlyList<string> ResourcesPaths { get; init; } = [];

    /// <summary>Dapr resources as YAML, a document or several each.</summary>
    public IReadOnlyList<string> Resources { get; init; } = [];

    /// <summary>A Configuration resource as YAML, or null.</summary>
    public string? Configuration { get; init; }

    /// <summary>What the sidecar sends its app as <c>dapr-api-token</c>; null: nothing (Dapr: operations/security/app-api-token).</summary>
    public string? AppToken { get; init; }

    /// <summary>The broker's hand; give several sidecars the same to have one for all. By default a new one.</summary>
    public TestBroker? Broker { get; init; }

    /// <summary>The clock; give several sidecars the same. By default a new one, which runs.</summary>
    public TestClock? Clock { get; init; }

    /// <summary>The sidecars it belongs with: they invoke each other by app id and share in-memory brokers; null: it stands alone.</summary>
    public SidecarMesh? Mesh { get; init; }

    /// <summary>How the app's health is checked; null: it counts as healthy while it listens.</summary>
    public AppHealthCheck? AppHealthCheck { get; init; }

    /// <summary>Where databases and files go; null: a folder that is deleted afterwards.</summary>
    public string? DataPath { get; init; }

    /// <summary>Where the sidecar reports to; null: nowhere.</summary>
    public ILoggerFactory? Logs { get; init; }
}

/// <summary>
/// A Dapr sidecar for a test: <c>await using var dapr = await EmbeddedSidecar.StartAsync();</c>. It runs in the test's process, on a port of its own, and is gone
/// with it.
/// </summary>
public sealed class EmbeddedSidecar : IAsyncDisposable
{
    private const string DefaultResources = """
        apiVersion: dapr.io/v1alpha1
        kind: Component
        metadata:
          name: pubsub
        spec:
          type: pubsub.in-memory
          version: v1
        ---
        apiVersion: dapr.io/v1alpha1
        kind: Component
        metadata:
          name: statestore
        spec:
          type: state.in-memory
          version: v1
          metadata:
          - name: actorStateStore
            value: "true"
        """;

    private readonly Sidecar _sidecar;
    private readonly string _folder;

    private EmbeddedSidecar(Sidecar sidecar, string folder, TestBroker broker, TestClock clock)
    {
        (_sidecar, _folder, Broker, Clock) = (sidecar, folder, broker, clock);
        Http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = sidecar.HttpEndpoint };
    }

    /// <summary>Where the Dapr API is: what <c>DAPR_HTTP_ENDPOINT</c> is to be for the app.</summary>
    public Uri HttpEndpoint => _sidecar.HttpEndpoint;

    /// <summary>The port of the Dapr API: what <c>DAPR_HTTP_PORT</c> is to be for the app.</summary>
    public int HttpPort => _sidecar.HttpEndpoint.Port;

    /// <summary>Where Dapr's gRPC API is: what <c>DAPR_GRPC_ENDPOINT</c> is to be for the app.</summary>
    public Uri GrpcEndpoint => _sidecar.GrpcEndpoint;

    /// <summary>The port of Dapr's gRPC API: what <c>DAPR_GRPC_PORT</c> is to be for the app.</summary>
    public int GrpcPort => _sidecar.GrpcEndpoint.Port;

    /// <summary>Completes when the app listens and its subscriptions are active; without an app at once.</summary>
    public Task Ready => _sidecar.Ready;

    /// <summary>What is published, and how it is delivered.</summary>
    public TestBroker Broker { get; }

    /// <summary>The clock of timers, reminders, jobs, TTLs and retries.</summary>
    public TestClock Clock { get; }

    /// <summary>A client of the Dapr API.</summary>
    public HttpClient Http { get; }

    /// <summary>Starts a sidecar.</summary>
    /// <exception cref="Resources.ResourceException">A resource is wrong: the message names its file, the field and what is allowed.</exception>
    public static async Task<EmbeddedSidecar> StartAsync(EmbeddedSidecarOptions? options = null, CancellationToken stop = default)
    {
        options ??= new();
        var (broker, clock) = (options.Broker ?? new(), options.Clock ?? new());
        var folder = Directory.CreateTempSubdirectory("dapr-").FullName;
        try
        {
            var resources = Path.Combine(folder, "resources");
            Directory.CreateDirectory(resources);
            string[] yaml = [.. options.Resources.Count + options.ResourcesPaths.Count == 0 ? [DefaultResources] : options.Resources];
            for (var i = 0; i < yaml.Length; i++)
            {
                await File.WriteAllTextAsync(Path.Combine(resources, $"{i}.yaml"), yaml[i], stop);
            }

            var config = Path.Combine(folder, "config.yaml");
            if (options.Configuration is not null)
            {
                await File.WriteAllTextAsync(config, options.Configuration, stop);
            }

            var sidecar = await Sidecar.StartAsync(new()
            {
                AppId = options.AppId,
                AppPort = options.AppPort,
                AppProtocol = options.AppProtocol,
                AppToken = options.AppToken,
                ResourcesPaths = [.. options.ResourcesPaths, resources],
                ConfigPaths = options.Configuration is null ? [] : [config],
                DataPath = options.DataPath ?? folder,
                Broker = broker,
                Time = clock,
                Mesh = options.Mesh,
                AppHealthCheck = options.AppHealthCheck,
                Logs = options.Logs ?? Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance,
            }, stop);
            return new(sidecar, folder, broker, clock);
        }
        catch
        {
            Directory.Delete(folder, recursive: true);
            throw;
        }
    }

    /// <summary>Publishes data as an app would, as JSON.</summary>
    /// <param name="topic">The topic.</param>
    /// <param name="data">The event's data.</param>
    /// <param name="pubSub">The pub/sub component.</param>
    /// <param name="type">The CloudEvent's type; null: Dapr's default.</param>
    /// <exception cref="HttpRequestException">The sidecar has not taken it.</exception>
    public async Task PublishAsync(string topic, object data, string pubSub = "pubsub", string? type = null)
    {
        using var response = await Http.PostAsJsonAsync($"/v1.0/publish/{pubSub}/{topic}{(type is null ? "" : $"?metadata.cloudevent.type={Uri.EscapeDataString(type)}")}", data);
        if (!response.IsSuccessStatusCode)
        {
            throw new HttpRequestException(await response.Content.ReadAsStringAsync(), null, response.StatusCode);
        }
    }

    /// <inheritdoc cref="TestBroker.WaitFor"/>
    public Task<PublishedEvent> WaitForEvent(string topic, Func<PublishedEvent, bool>? matches = null, TimeSpan? within = null) => Broker.WaitFor(topic, matches, within);

    /// <summary>Empties the state stores that are in memory, so that several tests can share a sidecar. Actors keep their reminders.</summary>
    public void ClearState()
    {
        foreach (var store in _sidecar.Components.StateStores.Values)
        {
            (store.Store as InMemoryStateStore)?.Clear();
        }
    }

    /// <summary>Ends the sidecar and deletes what it has written.</summary>
    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await _sidecar.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
