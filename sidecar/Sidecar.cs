using System.Net;
using System.Text.Json;
using Lavka.Sidecar.Actors;
using Lavka.Sidecar.Cel;
using Lavka.Sidecar.Http;
using Lavka.Sidecar.PubSub;
using Lavka.Sidecar.Resiliency;
using Lavka.Sidecar.Resources;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace Lavka.Sidecar;

/// <summary>
/// A Dapr sidecar inside this process: Dapr's HTTP API on a port of loopback for one app, which gets its events, invocations and actor calls over HTTP, as from daprd
/// (Dapr: concepts/dapr-services/sidecar).
/// </summary>
public sealed partial class Sidecar : IAsyncDisposable
{
    /// <summary>The version of daprd whose behaviour this sidecar has.</summary>
    public const string RuntimeVersion = "1.17.13";

    private static readonly TimeSpan AppPollInterval = TimeSpan.FromMilliseconds(50);

    private readonly SidecarOptions _options;
    private readonly ILogger _log;
    private readonly HttpMessageInvoker _http;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _shutdown = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<IAsyncDisposable> _subscriptions = [];
    private readonly IReadOnlyList<SubscriptionSpec> _declarative;
    private readonly ResiliencyPolicies _policies;
    private readonly PubSubApi _pubSub;
    private readonly WebApplication _server;
    private IReadOnlyList<SubscriptionSpec> _active = [];

    private Sidecar(SidecarOptions options, SidecarMesh mesh, IReadOnlyList<Resource> resources, SidecarConfiguration configuration, Components components)
    {
        (_options, Mesh, Components) = (options, mesh, components);
        _log = options.Logs.CreateLogger<Sidecar>();
        _http = new(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            AutomaticDecompression = DecompressionMethods.None,
            ActivityHeadersPropagator = null,
            ConnectTimeout = TimeSpan.FromSeconds(5),
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(1),
        });
        var own = resources.Where(resource => resource.IsFor(options.AppId)).ToList();
        _policies = new(own.Where(resource => resource.Kind == "Resiliency"), options.Time);
        _declarative = [.. own.Where(resource => resource.Kind == "Subscription").Select(SubscriptionSpec.From)];
        HttpEndpoints = own.Where(resource => resource.Kind == "HTTPEndpoint").Select(resource => Resources.HttpEndpoint.From(resource, components)).ToDictionary(endpoint => endpoint.Name);
        App = options.AppPort is { } port
            ? new AppChannel(new Uri($"http://{options.AppChannelAddress}:{port}"), options.AppToken, options.AppMaxConcurrency, _http)
            : null;
        Actors = new(this, options, components.ActorStore, _policies, configuration.IsEnabled("ActorStateTTL"));
        _pubSub = new(components, _policies, options);
        _server = MakeServer(new DaprApi(options, this, new(components, _policies, options.AppId), _pubSub, new(this, _policies, options, _http), new(Actors),
            new(components, configuration), new(components, _policies), new(this, options), options.Logs.CreateLogger<DaprApi>()));
    }

    /// <summary>The app's id.</summary>
    public string AppId => _options.AppId;

    /// <summary>Where the Dapr API is, for example <c>http://127.0.0.1:3500</c>.</summary>
    public Uri HttpEndpoint { get; private set; } = null!;

    /// <summary>Completes when the app listens, its subscriptions are active and its actors placed. Without an app port: at once.</summary>
    public Task Ready { get; private set; } = Task.CompletedTask;

    /// <summary>Completes when <c>POST /v1.0/shutdown</c> asked the sidecar to stop.</summary>
    public Task ShutdownRequested => _shutdown.Task;

    internal SidecarMesh Mesh { get; }

    internal Components Components { get; }

    internal AppChannel? App { get; }

    internal ActorRuntime Actors { get; }

    internal IReadOnlyDictionary<string, HttpEndpoint> HttpEndpoints { get; }

    internal IReadOnlyList<SubscriptionSpec> Subscriptions => _active;

    internal IReadOnlyList<string> ResiliencyNames => _policies.Names;

    /// <summary>Starts the components and the API. The app may come later; <see cref="Ready"/> tells.</summary>
    /// <exception cref="ResourceException">A resource is wrong: the message names its file, the field and what is allowed.</exception>
    /// <exception cref="IOException">The port is in use.</exception>
    public static async Task<Sidecar> StartAsync(SidecarOptions options, CancellationToken stop = default)
    {
        var mesh = options.Mesh ?? new SidecarMesh();
        var loader = new ResourceLoader(options.Logs.CreateLogger<ResourceLoader>());
        var resources = loader.LoadFolders(options.ResourcesPaths);
        var configuration = new SidecarConfiguration(options.ConfigPaths.SelectMany(loader.LoadFile));
        var components = await Components.Start(resources, options, mesh);
        Sidecar sidecar;
        try
        {
            sidecar = new(options, mesh, resources, configuration, components);
        }
        catch
        {
            await components.DisposeAsync();
            throw;
        }

        try
        {
            mesh.Join(sidecar);
            await sidecar._server.StartAsync(stop);
        }
        catch
        {
            await sidecar.DisposeAsync();
            throw;
        }

        sidecar.HttpEndpoint = new(sidecar._server.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        sidecar.Ready = sidecar.App is null ? Task.CompletedTask : Task.Run(() => sidecar.ConnectApp(sidecar._stop.Token), CancellationToken.None);
        return sidecar;
    }

    internal void RequestShutdown() => _shutdown.TrySetResult();

    /// <summary>Stops delivering, lets running deliveries end, then closes the API and the components.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_stop.IsCancellationRequested)
        {
            return;
        }

        await _stop.CancelAsync();
        await Ready.ContinueWith(_ => { }, TaskScheduler.Default);
        await Task.WhenAll(_subscriptions.Select(subscription => subscription.DisposeAsync().AsTask()));
        await Actors.DisposeAsync();
        Mesh.Leave(this);
        await _server.DisposeAsync();
        await Components.DisposeAsync();
        App?.Dispose();
        _http.Dispose();
        _stop.Dispose();
    }

    private WebApplication MakeServer(DaprApi api)
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.AllowSynchronousIO = false;
            kestrel.Limits.MaxRequestBodySize = null;
            if (_options.HttpPort == 0)
            {
                kestrel.Listen(IPAddress.Loopback, 0);
            }
            else
            {
                // Both 127.0.0.1 and ::1: "localhost" may be either.
                kestrel.ListenLocalhost(_options.HttpPort);
            }
        });
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(2));
        var server = builder.Build();
        server.Run(api.Handle);
        return server;
    }

    private async Task ConnectApp(CancellationToken stop)
    {
        while (!await App!.IsListening(stop))
        {
            await Task.Delay(AppPollInterval, stop);
        }

        var types = ActorTypeConfig.Read(await AskApp("/dapr/config", stop) ?? "{}"u8.ToArray());
        await Actors.Start(types, stop);
        if (Components.PubSubs.Count > 0)
        {
            await Subscribe(stop);
        }

        LogConnected(AppId, _active.Count, types.Count);
    }

    /// <summary>The body of an app's 200; null for any other answer.</summary>
    private async Task<byte[]?> AskApp(string path, CancellationToken stop)
    {
        for (var tries = 0; ; tries++)
        {
            try
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, App!.At(path));
                request.Headers.TryAddWithoutValidation("dapr-app-id", AppId);
                using var response = await App.Send(request, stop);
                return response.StatusCode == HttpStatusCode.OK ? await response.Content.ReadAsByteArrayAsync(stop) : null;
            }
            catch (HttpRequestException) when (tries < 20)
            {
                await Task.Delay(AppPollInterval * (tries + 1), stop);
            }
        }
    }

    private async Task Subscribe(CancellationToken stop)
    {
        var subscriptions = new Dictionary<(string, string), SubscriptionSpec>();
        foreach (var spec in _declarative)
        {
            subscriptions.TryAdd((spec.PubSubName, spec.Topic), spec);
        }

        try
        {
            foreach (var spec in SubscriptionSpec.FromApp(await AskApp("/dapr/subscribe", stop) ?? []))
            {
                subscriptions[(spec.PubSubName, spec.Topic)] = spec;
            }
        }
        catch (Exception e) when (e is JsonException or CelException)
        {
            LogBadSubscriptions(AppId, e.Message);
        }

        foreach (var spec in subscriptions.Values)
        {
            if (!Components.PubSubs.TryGetValue(spec.PubSubName, out var pubSub))
            {
                LogUnknownPubSub(AppId, spec.Topic, spec.PubSubName);
            }
            else if (spec.Routes.Count == 0)
            {
                LogNoRoutes(AppId, spec.Topic);
            }
            else if (!pubSub.Scopes.MaySubscribe(spec.Topic))
            {
                LogForbidden(AppId, spec.Topic, spec.PubSubName);
            }
            else
            {
                var subscriber = new Subscriber(spec, App!, () => _policies.Inbound(pubSub.Name, "Pubsub"), _pubSub.PublishDeadLetter, _options.Time, _options.Logs.CreateLogger<Subscriber>());
                _active = [.. _active, spec];
                _subscriptions.Add(pubSub.Broker.Subscribe(spec.Topic, pubSub.Consumer, subscriber.Deliver));
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "App '{AppId}' is connected: {Subscriptions} subscriptions, {ActorTypes} actor types")]
    private partial void LogConnected(string appId, int subscriptions, int actorTypes);

    [LoggerMessage(Level = LogLevel.Error, Message = "App '{AppId}': the answer to GET /dapr/subscribe is no list of subscriptions: {Problem}")]
    private partial void LogBadSubscriptions(string appId, string problem);

    [LoggerMessage(Level = LogLevel.Error, Message = "App '{AppId}' subscribes to topic '{Topic}' of pub/sub component '{PubSub}', which is not loaded")]
    private partial void LogUnknownPubSub(string appId, string topic, string pubSub);

    [LoggerMessage(Level = LogLevel.Warning, Message = "App '{AppId}': the subscription to topic '{Topic}' has no route and is left out")]
    private partial void LogNoRoutes(string appId, string topic);

    [LoggerMessage(Level = LogLevel.Error, Message = "App '{AppId}': subscription to topic '{Topic}' on pubsub '{PubSub}' is not allowed")]
    private partial void LogForbidden(string appId, string topic, string pubSub);
}
