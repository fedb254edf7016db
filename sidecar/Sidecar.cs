using System.Net;
using System.Text.Json;
using Grpc.Core;
using Lavka.Sidecar.Actors;
using Lavka.Sidecar.Bindings;
using Lavka.Sidecar.Cel;
using Lavka.Sidecar.Configuration;
using Lavka.Sidecar.Conversation;
using Lavka.Sidecar.Crypto;
using Lavka.Sidecar.Go;
using Lavka.Sidecar.Grpc;
using Lavka.Sidecar.Http;
using Lavka.Sidecar.Invocation;
using Lavka.Sidecar.Jobs;
using Lavka.Sidecar.Locks;
using Lavka.Sidecar.Observability;
using Lavka.Sidecar.PubSub;
using Lavka.Sidecar.Resiliency;
using Lavka.Sidecar.Resources;
using Lavka.Sidecar.Secrets;
using Lavka.Sidecar.State;

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
    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(1);

    private readonly SidecarOptions _options;
    private readonly ILogger _log;
    private readonly HttpMessageInvoker _http;
    private readonly HttpMessageInvoker _following;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _shutdown = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ResiliencyPolicies _policies;
    private readonly Telemetry _telemetry;
    private readonly Outbox _outbox;
    private readonly Subscriptions? _subscriptions;
    private readonly StreamSubscriptions _streams;
    private readonly InputBindings? _inputs;
    private readonly AppHealth? _health;
    private readonly JobScheduler _jobs;
    private readonly ConfigurationManagement _configuration;
    private readonly FileChanges? _changes;
    private readonly SemaphoreSlim _turn = new(1);
    private readonly HttpServer _server;
    private readonly GrpcServer _grpc;
    private bool _connected;

    private Sidecar(SidecarOptions options, SidecarMesh mesh, IReadOnlyList<Resource> resources, SidecarConfiguration configuration, Components components)
    {
        (_options, Mesh, Components, Configuration) = (options, mesh, components, configuration);
        _log = options.Logs.CreateLogger<Sidecar>();
        _http = Client(redirects: false);
        _following = Client(redirects: true);
        var own = resources.Where(resource => resource.IsFor(options.AppId)).ToList();
        foreach (var subscription in own.Where(resource => resource.Kind == "Subscription"))
        {
            // What is wrong with one stops the start, app or no app.
            SubscriptionSpec.From(subscription);
        }

        _policies = new(own.Where(resource => resource.Kind == "Resiliency"), options.Time, options.Logs.CreateLogger<ResiliencyPolicies>());
        _telemetry = new(options, configuration.Tracing, configuration.Metrics);
        HttpEndpoints = own.Where(resource => resource.Kind == "HTTPEndpoint").Select(resource => Resources.HttpEndpoint.From(resource, components)).DistinctBy(endpoint => endpoint.Name).ToDictionary(endpoint => endpoint.Name);
        App = options.AppPort is null ? null : new(options, _telemetry.Metrics);
        Actors = new(this, options, components.ActorStore, _policies, _telemetry, configuration.IsEnabled("ActorStateTTL"));
        _jobs = JobScheduler.Of(this, options);
        var publisher = new Publisher(components, _policies, _telemetry, options);
        _outbox = new(components, publisher, options);
        var starter = new RunningSubscription.Starter(publisher, _policies, _telemetry, options);
        _streams = new(components, publisher, starter);
        var bindings = new OutputBindings(components, _policies, _telemetry);
        if (App is not null)
        {
            _subscriptions = new(components, starter, _telemetry, App, options);
            _inputs = new(components, bindings, _policies, _telemetry, App, options);
            if (options.AppHealthCheck is { } check)
            {
                _health = new(App, check, options.Time, options.Logs.CreateLogger<AppHealth>());
            }
        }

        foreach (var component in components.All)
        {
            _telemetry.Metrics?.ComponentInit(component.Type);
        }

        _changes = configuration.IsEnabled("HotReload", otherwise: true) ? new(options.ResourcesPaths, _ => Reload(), _log) : null;
        var state = new StateManagement(components, _policies, _outbox, _telemetry, options.AppId);
        var secrets = new SecretsManagement(components, configuration, _policies, _telemetry);
        _configuration = new(components, _policies);
        var locks = new DistributedLocks(components, _policies);
        var jobs = new JobManagement(_jobs, options);
        var crypto = new Cryptography(components, _policies, _telemetry);
        var conversations = new ConversationManagement(components, _policies);
        var metadata = new SidecarMetadata(this, options);
        var invocation = new ServiceInvocation(this, _policies, options, _http, _following);
        var pipeline = new GrpcPipeline(options, configuration, _telemetry);
        var methods = new GrpcMethods(pipeline);
        new StateCalls(state).AddTo(methods);
        new PubSubCalls(publisher, _streams, _telemetry).AddTo(methods);
        new SecretCalls(secrets).AddTo(methods);
        new BindingCalls(bindings).AddTo(methods);
        new ConfigurationCalls(_configuration).AddTo(methods);
        new LockCalls(locks).AddTo(methods);
        new ActorCalls(Actors).AddTo(methods);
        new JobCalls(jobs).AddTo(methods);
        new WorkflowCalls(new(options)).AddTo(methods);
        new CryptoCalls(crypto).AddTo(methods);
        new ConversationCalls(conversations).AddTo(methods);
        new MetadataCalls(metadata, this).AddTo(methods);
        new InvokeCalls(invocation).AddTo(methods);
        _grpc = new(options, methods, new(invocation, _policies, pipeline, _telemetry, options));
        _server = new(options, new(options, this, _telemetry, configuration.ApiLogging || options.ApiLogging, new()
        {
            State = new(state),
            PubSub = new(publisher),
            Invoke = new(invocation, _telemetry, options),
            Actors = new(Actors),
            Secrets = new(secrets),
            Bindings = new(bindings),
            Configuration = new(_configuration, _policies, App, options.Logs.CreateLogger<ConfigurationApi>()),
            Lock = new(locks),
            Jobs = new(jobs),
            Crypto = new(crypto),
            Conversation = new(conversations),
            Metadata = new(metadata),
            Topics = new(this),
        }), _telemetry.Metrics);
    }

    /// <summary>The app's id.</summary>
    public string AppId => _options.AppId;

    /// <summary>Where the Dapr API is, for example <c>http://127.0.0.1:3500</c>.</summary>
    public Uri HttpEndpoint => _server.Endpoint;

    /// <summary>Where Dapr's gRPC API is, for example <c>http://127.0.0.1:50001</c>.</summary>
    public Uri GrpcEndpoint => _grpc.Endpoint;

    /// <summary>Completes when the app listens, its subscriptions are active and its actors placed. Without an app port: at once.</summary>
    public Task Ready { get; private set; } = Task.CompletedTask;

    /// <summary>Completes when <c>POST /v1.0/shutdown</c> asked the sidecar to stop.</summary>
    public Task ShutdownRequested => _shutdown.Task;

    internal SidecarMesh Mesh { get; }

    /// <summary>What it counts; null: nothing.</summary>
    internal Metrics? Metrics => _telemetry.Metrics;

    internal Components Components { get; }

    internal AppChannel? App { get; }

    /// <summary>Tells the instances of one app apart.</summary>
    internal Guid InstanceId { get; } = Guid.NewGuid();

    /// <summary>Whether the app is connected and, if its health is checked, healthy.</summary>
    internal bool IsAppAvailable => _connected && App is { IsHealthy: true };

    /// <summary>Whether other instances of the app have taken over; see <see cref="SidecarMesh.HandOver"/>.</summary>
    internal bool IsLeaving { get; set; }

    internal ActorRuntime Actors { get; }

    internal IReadOnlyDictionary<string, HttpEndpoint> HttpEndpoints { get; }

    internal IReadOnlyList<SubscriptionSpec> Subscriptions => [.. _subscriptions?.All ?? [], .. _streams.All];

    /// <summary>The subscriptions that run.</summary>
    internal IReadOnlyList<RunningSubscription> ActiveSubscriptions => [.. _subscriptions?.Active ?? [], .. _streams.Active];

    internal SidecarConfiguration Configuration { get; }

    /// <summary>Where Prometheus' metrics are; null without <see cref="SidecarOptions.MetricsPort"/>.</summary>
    public Uri? MetricsEndpoint => _server.MetricsEndpoint;

    /// <summary>Starts the components and the API. The app may come later; <see cref="Ready"/> tells.</summary>
    /// <exception cref="ResourceException">A resource is wrong: the message names its file, the field and what is allowed.</exception>
    /// <exception cref="IOException">The port is in use.</exception>
    public static async Task<Sidecar> StartAsync(SidecarOptions options, CancellationToken stop = default)
    {
        var mesh = options.Mesh ?? new SidecarMesh();
        var loader = new ResourceLoader(options.Logs.CreateLogger<ResourceLoader>());
        var resources = loader.LoadFolders(options.ResourcesPaths);
        var configuration = new SidecarConfiguration(options.ConfigPaths.SelectMany(file => loader.LoadFile(file, options.Environment)), options.Environment);
        var components = await Components.Start(resources, options, mesh, stop);
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
            await sidecar._outbox.Follow(stop);
            await (sidecar._subscriptions?.Declare(resources, stop) ?? Task.CompletedTask);

            await sidecar._server.Start(stop);
            await sidecar._grpc.Start(stop);
        }
        catch
        {
            await sidecar.DisposeAsync();
            throw;
        }

        sidecar.Ready = sidecar.App is null ? Task.CompletedTask : Task.Run(() => sidecar.ConnectApp(sidecar._stop.Token), CancellationToken.None);
        return sidecar;
    }

    /// <summary>Whether it wants to stop because changed resources cannot be loaded.</summary>
    public bool HasFailed { get; private set; }

    /// <summary>Asks for the end. As daprd it waits for the streams that clients have open.</summary>
    internal void RequestShutdown() => _streams.AllClosed.ContinueWith(_ => _shutdown.TrySetResult(), TaskScheduler.Default);

    /// <summary>Stops delivering, lets running deliveries end, then closes the API and the components.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_stop.IsCancellationRequested)
        {
            return;
        }

        await _stop.CancelAsync();
        await (_changes?.DisposeAsync() ?? default);
        await Ready.ContinueWith(_ => { }, TaskScheduler.Default);
        await (_health?.DisposeAsync() ?? default);
        await (_inputs?.DisposeAsync() ?? default);
        await (_subscriptions?.DisposeAsync() ?? default);
        await _streams.EndAll();
        await _outbox.DisposeAsync();
        await _jobs.Stop(App, default);
        await Mesh.Release(this, _jobs);
        if (Mesh.HandOver(this))
        {
            await Actors.Drain();
        }

        Mesh.Leave(this);
        await Actors.DisposeAsync();
        await _configuration.DisposeAsync();
        await _grpc.DisposeAsync();
        await _server.DisposeAsync();
        await Components.DisposeAsync();
        App?.Dispose();
        _http.Dispose();
        _telemetry.Dispose();
        _turn.Dispose();
        _following.Dispose();
        _stop.Dispose();
    }

    private static HttpMessageInvoker Client(bool redirects) => new(new GoTransport(new()
    {
        AllowAutoRedirect = redirects,
        MaxAutomaticRedirections = GoTransport.MaxRedirects,
        UseCookies = false,
        UseProxy = false,
        AutomaticDecompression = DecompressionMethods.None,
        ActivityHeadersPropagator = null,
        ConnectTimeout = TimeSpan.FromSeconds(5),
        PooledConnectionIdleTimeout = TimeSpan.FromMinutes(1),
    }));

    private async Task ConnectApp(CancellationToken stop)
    {
        while (true)
        {
            try
            {
                await TryConnectApp(stop);
                return;
            }
            catch (Exception e) when (e is not OperationCanceledException || !stop.IsCancellationRequested)
            {
                LogNotConnected(AppId, e.Message);
                await Task.Delay(RetryPause, stop);
            }
        }
    }

    private async Task TryConnectApp(CancellationToken stop)
    {
        while (!await App!.IsListening(stop))
        {
            await Task.Delay(AppPollInterval, stop);
        }

        if (_health is not null)
        {
            await _health.Start(healthy => Follow(healthy ? StartApp : StopApp), stop);
        }

        // A gRPC app has no actors: there is no call to ask for them, as in daprd.
        var types = App.IsGrpc ? [] : ActorTypeConfig.Read((IsAsked("config") ? await AskApp("/dapr/config", stop) : null) ?? "{}"u8.ToArray());
        await Actors.Start(types, stop);
        if (!Components.PubSubs.IsEmpty && IsAsked("subscribe"))
        {
            await _subscriptions!.Subscribe(await AskForSubscriptions(stop), stop);
        }

        await Follow(async token =>
        {
            _connected = true;
            await StartApp(token);
        });
        LogConnected(AppId, _subscriptions!.Active.Count, types.Count);
    }

    private bool IsAsked(string endpoint) => !_options.DisabledInitEndpoints.Contains(endpoint);

    /// <summary>Starts, stops and reloads come one after the other.</summary>
    private async Task Follow(Func<CancellationToken, Task> what)
    {
        await _turn.WaitAsync(_stop.Token);
        try
        {
            await what(_stop.Token);
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task StartApp(CancellationToken stop)
    {
        if (!IsAppAvailable)
        {
            return;
        }

        Mesh.TellPlacement(AppId);

        await _subscriptions!.Start(stop);
        await _inputs!.Start(stop);
        await _jobs.Start(App!, _telemetry, stop);
    }

    private async Task StopApp(CancellationToken stop)
    {
        Mesh.TellPlacement(AppId);
        await _jobs.Stop(App, stop);
        await _inputs!.Stop();
        await _subscriptions!.Stop();
    }

    /// <summary>A file in the resources folders has changed (Dapr: operations/components/component-updates). What is wrong with it is logged; what then cannot run ends the sidecar, as daprd.</summary>
    private async Task Reload()
    {
        try
        {
            await Follow(async stop =>
            {
                var resources = new ResourceLoader(_options.Logs.CreateLogger<ResourceLoader>()).LoadFolders(_options.ResourcesPaths);
                await Components.Reload(resources, FollowComponents, stop);
                await FollowComponents();
                await StartApp(stop);

                async Task FollowComponents()
                {
                    await _outbox.Follow(stop);
                    await (_subscriptions?.Declare(resources, stop) ?? Task.CompletedTask);
                    await _streams.EndGone();
                    await (_inputs?.EndGone() ?? Task.CompletedTask);
                }
            });
        }
        catch (ResourceException e)
        {
            LogCannotReload(AppId, e.Message);
            HasFailed = true;
            _shutdown.TrySetResult();
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // The folder is being written to, or the sidecar is ending.
        }
    }

    /// <summary>Null when the answer is none: then no subscription starts, as in daprd.</summary>
    private async Task<IReadOnlyList<SubscriptionSpec>?> AskForSubscriptions(CancellationToken stop)
    {
        try
        {
            return App!.IsGrpc ? await GrpcSubscriptions.Ask(App.Calls, stop) : SubscriptionSpec.FromApp(await AskApp("/dapr/subscribe", stop) ?? []);
        }
        catch (Exception e) when (e is JsonException or CelException or RpcException)
        {
            LogBadSubscriptions(AppId, e.Message);
            return null;
        }
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

    [LoggerMessage(Level = LogLevel.Information, Message = "App '{AppId}' is connected: {Subscriptions} subscriptions, {ActorTypes} actor types")]
    private partial void LogConnected(string appId, int subscriptions, int actorTypes);

    [LoggerMessage(Level = LogLevel.Error, Message = "App '{AppId}': its subscriptions could not be read, none starts: {Problem}")]
    private partial void LogBadSubscriptions(string appId, string problem);

    [LoggerMessage(Level = LogLevel.Error, Message = "App '{AppId}' could not be connected, trying again: {Problem}")]
    private partial void LogNotConnected(string appId, string problem);

    [LoggerMessage(Level = LogLevel.Critical, Message = "Sidecar of '{AppId}': the changed resources cannot be loaded, it ends: {Problem}")]
    private partial void LogCannotReload(string appId, string problem);
}
