using System.Collections.Concurrent;
using Lavka.Sidecar.Observability;
using Lavka.Sidecar.PubSub.Delivery;
using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.PubSub;

/// <summary>
/// The app's subscriptions: which there are, and which run. They follow the resources, the pub/sub components, and the app's health: while the app is unhealthy,
/// none runs and the broker keeps the messages.
/// </summary>
internal sealed partial class Subscriptions(Components components, RunningSubscription.Starter starter, Telemetry telemetry, AppChannel app, SidecarOptions options) : IAsyncDisposable
{
    private readonly ILogger _log = options.Logs.CreateLogger<Subscriptions>();
    private readonly SemaphoreSlim _turn = new(1);
    private readonly ConcurrentDictionary<(string PubSub, string Topic), RunningSubscription> _running = [];
    private List<(Resource Resource, SubscriptionSpec Spec)> _declared = [];
    private IReadOnlyList<SubscriptionSpec>? _programmatic = [];
    private bool _started;

    /// <summary>The subscriptions that run.</summary>
    public IReadOnlyList<RunningSubscription> Active { get; private set; } = [];

    /// <summary>Those and what waits: for a component, for the app.</summary>
    public IReadOnlyList<SubscriptionSpec> All => [.. Wanted().Values];

    /// <summary>Takes up the Subscription resources.</summary>
    public Task Declare(IEnumerable<Resource> resources, CancellationToken stop)
    {
        // A subscription that is as it was goes on as it is.
        var declared = resources.Where(resource => resource.Kind == "Subscription" && resource.IsFor(options.AppId))
            .Select(resource => _declared.FirstOrDefault(old => old.Resource.Root.Equals(resource.Root)) is { Spec: not null } same ? same : (resource, SubscriptionSpec.From(resource))).ToList();
        return Change(() => _declared = declared, stop);
    }

    /// <summary>Takes up the app's own list; null: it could not be read, and no subscription at all is to run.</summary>
    public Task Subscribe(IReadOnlyList<SubscriptionSpec>? programmatic, CancellationToken stop) => Change(() => _programmatic = programmatic, stop);

    public Task Start(CancellationToken stop) => Change(() => _started = true, stop);

    public Task Stop() => Change(() => _started = false, CancellationToken.None);

    public async ValueTask DisposeAsync() => await Stop();

    private async Task Change(Action change, CancellationToken stop)
    {
        await _turn.WaitAsync(stop);
        try
        {
            change();
            await Follow(stop);
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task Follow(CancellationToken stop)
    {
        var wanted = _started && _programmatic is not null ? Wanted() : [];
        await Task.WhenAll(_running.ToList().Select(async pair =>
        {
            if (!wanted.TryGetValue(pair.Key, out var spec) || !ReferenceEquals(spec, pair.Value.Spec) || !ReferenceEquals(components.PubSubs.GetValueOrDefault(spec.PubSubName), pair.Value.PubSub))
            {
                _running.TryRemove(pair);
                await pair.Value.DisposeAsync();
            }
        }));
        try
        {
            // Together: a broker may have to share its partitions out anew for each that comes alone.
            await Task.WhenAll(wanted.Where(pair => !_running.ContainsKey(pair.Key)).ToList().Select(async pair =>
            {
                if (await Run(pair.Value, stop) is { } running)
                {
                    _running[pair.Key] = running;
                }
            }));
        }
        finally
        {
            // One that could not be started is no reason not to know the others.
            Active = [.. _running.Values];
        }
    }

    /// <summary>What the app says replaces what a resource says for the same topic; of two resources the first counts, as in daprd.</summary>
    private Dictionary<(string PubSub, string Topic), SubscriptionSpec> Wanted()
    {
        var wanted = new Dictionary<(string, string), SubscriptionSpec>();
        foreach (var (_, spec) in _declared)
        {
            wanted.TryAdd((spec.PubSubName, spec.Topic), spec);
        }

        foreach (var spec in _programmatic ?? [])
        {
            wanted[(spec.PubSubName, spec.Topic)] = spec;
        }

        return wanted;
    }

    private async Task<RunningSubscription?> Run(SubscriptionSpec spec, CancellationToken stop)
    {
        if (!components.PubSubs.TryGetValue(spec.PubSubName, out var pubSub))
        {
            LogUnknownPubSub(options.AppId, spec.Topic, spec.PubSubName);
            return null;
        }

        if (spec.Routes.Count == 0)
        {
            LogNoRoutes(options.AppId, spec.Topic);
            return null;
        }

        if (!pubSub.Scopes.MaySubscribe(spec.Topic))
        {
            LogForbidden(options.AppId, spec.Topic, spec.PubSubName);
            return null;
        }

        IDelivery delivery = app.IsGrpc ? new GrpcDelivery(spec, app.Calls, telemetry) : new HttpDelivery(spec, app, telemetry);
        return await starter.Start(spec, pubSub, spec.Metadata.GetValueOrDefault("consumerID") ?? pubSub.Consumer, delivery, stop);
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "App '{AppId}' subscribes to topic '{Topic}' of pub/sub component '{PubSub}', which is not loaded")]
    private partial void LogUnknownPubSub(string appId, string topic, string pubSub);

    [LoggerMessage(Level = LogLevel.Warning, Message = "App '{AppId}': the subscription to topic '{Topic}' has no route and is left out")]
    private partial void LogNoRoutes(string appId, string topic);

    [LoggerMessage(Level = LogLevel.Error, Message = "App '{AppId}': subscription to topic '{Topic}' on pubsub '{PubSub}' is not allowed")]
    private partial void LogForbidden(string appId, string topic, string pubSub);
}
