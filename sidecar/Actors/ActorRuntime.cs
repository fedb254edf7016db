using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Http.Headers;
using System.Net.Sockets;
using Grpc.Core;
using Lavka.Sidecar.Http;
using Lavka.Sidecar.Observability;
using Lavka.Sidecar.Resiliency;
using Lavka.Sidecar.Resources;
using Lavka.Sidecar.Scheduling;

namespace Lavka.Sidecar.Actors;

/// <summary>
/// The actors of one app: their turns, state, timers and reminders (Dapr: developing-applications/building-blocks/actors). Reminders are kept in the actor state
/// store and go on after a restart; timers live as long as the sidecar.
/// </summary>
internal sealed partial class ActorRuntime : IAsyncDisposable
{
    private static readonly MediaTypeHeaderValue Json = new("application/json");

    // daprd's default for drainOngoingCallTimeout.
    private static readonly TimeSpan DrainTimeout = TimeSpan.FromSeconds(60);

    // For the app to end one actor.
    private static readonly TimeSpan DeactivateTimeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(1);

    private readonly Sidecar _sidecar;
    private readonly SidecarOptions _options;
    private readonly LoadedStateStore? _store;
    private readonly ResiliencyPolicies _policies;
    private readonly Telemetry _telemetry;
    private readonly bool _ttlEnabled;
    private readonly ILogger _log;
    private readonly ConcurrentDictionary<(string Type, string Id), ActorTurns> _active = new();

    // The app could not be told that these have ended: it may still have them, with the state they had then.
    private readonly ConcurrentDictionary<(string Type, string Id), bool> _untold = new();
    private readonly Scheduler _timers;
    private readonly Scheduler _reminders;
    private readonly ITimer _idleCheck;
    private readonly SemaphoreSlim _placing = new(1);
    private readonly CancellationTokenSource _stop = new();
    private Dictionary<string, ActorTypeConfig> _types = [];
    private int _willPlace;

    public ActorRuntime(Sidecar sidecar, SidecarOptions options, LoadedStateStore? store, ResiliencyPolicies policies, Telemetry telemetry, bool ttlEnabled)
    {
        (_sidecar, _options, _store, _policies, _telemetry, _ttlEnabled) = (sidecar, options, store, policies, telemetry, ttlEnabled);
        _log = options.Logs.CreateLogger<ActorRuntime>();
        _timers = new(options.Time, FireTimer, (timer, e) => LogNotFired("Timer", timer.Name, timer.Type, timer.Id, e.Message));
        _reminders = new(options.Time, FireReminder, (reminder, e) => LogNotFired("Reminder", reminder.Name, reminder.Type, reminder.Id, e.Message));
        _idleCheck = options.Time.CreateTimer(_ => _ = DeactivateIdle(), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
    }

    /// <summary>The types this app hosts, with how many actors of each are active.</summary>
    public IEnumerable<(string Type, int Count)> Hosted => _types.Keys.Select(type => (type, _active.Keys.Count(key => key.Type == type)));

    public bool Hosts(string type) => _types.ContainsKey(type);

    /// <summary>Takes up the app's actor types and the reminders they have.</summary>
    public async Task Start(Dictionary<string, ActorTypeConfig> types, CancellationToken stop)
    {
        _types = types;
        if (types.Count == 0)
        {
            return;
        }

        if (_store is null)
        {
            LogNoStore(string.Join(", ", types.Keys));
            return;
        }

        await _placing.WaitAsync(stop);
        try
        {
            await TakeUpReminders(fromStart: true, stop);
        }
        finally
        {
            _placing.Release();
        }
    }

    /// <summary>Calls an actor's method, here or at the sidecar that hosts it.</summary>
    /// <param name="type">The actor's type.</param>
    /// <param name="id">The actor's id.</param>
    /// <param name="method">The method, with the query if there is one; already encoded.</param>
    /// <param name="body">The request's body.</param>
    /// <param name="headers">The request's headers.</param>
    /// <param name="trace">The call's span, or null.</param>
    /// <param name="stop">Cancels.</param>
    /// <exception cref="ActorException">Nobody hosts it, or the app did not answer 200.</exception>
    public async Task<HttpResponseMessage> Invoke(string type, string id, string method, byte[] body, IHeaderDictionary headers, Activity? trace, CancellationToken stop)
    {
        CheckPlacement();
        ActorNames.CheckActor(type, id);
        HttpResponseMessage response;
        try
        {
            response = await InvokeAnywhere(type, id, method.Length == 0 ? "method" : $"method/{method}", body, headers, trace, stop);
        }
        catch (Exception e) when (e is HttpRequestException or TimeoutException or CircuitBreakerException)
        {
            throw InvokeFailed(e.Message);
        }

        if (!response.Headers.Contains("X-Daprremindercancel"))
        {
            return response;
        }

        response.Dispose();
        throw InvokeFailed("reminder has been canceled");
    }

    private async Task<HttpResponseMessage> InvokeAnywhere(string type, string id, string path, byte[] body, IHeaderDictionary headers, Activity? trace, CancellationToken stop)
    {
        // Retries and the breaker are around the turn, the time limit is within it: waiting for one's turn is no failure.
        var policy = _policies.Actor(type, id);
        return await (ReferenceEquals(policy, Policy.None) ? policy : policy with { Timeout = null })
            .RunOrThrow(async token =>
            {
                while (true)
                {
                    var host = await FindHost(type, id, token);
                    if (await host.InvokeHere(type, id, path, body, headers, trace, policy.Timeout, token) is { } answer)
                    {
                        return answer;
                    }
                }
            }, stop);
    }

    /// <summary>Ends all actors, since others host them from now on: each when its turns have ended, but no later than the drain timeout.</summary>
    public async Task Drain()
    {
        using var limit = new CancellationTokenSource(DrainTimeout);
        try
        {
            await Parallel.ForEachAsync(_active.Keys, new ParallelOptions { MaxDegreeOfParallelism = 32, CancellationToken = limit.Token }, async (key, stop) => await Release(key, () => true, stop));
        }
        catch (OperationCanceledException)
        {
            // What is left ends with the sidecar.
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _idleCheck.DisposeAsync();
        await _timers.DisposeAsync();
        await _reminders.DisposeAsync();
    }

    private void CheckPlacement()
    {
        if (!_options.HasControlPlane)
        {
            throw ActorException.NoPlacement();
        }
    }

    private async Task<ActorRuntime> FindHost(string type, string id, CancellationToken stop)
    {
        // The host may be about to start: daprd waits for it as long as this.
        for (var tries = 0; ; tries++)
        {
            if (type.Length > 0 && id.Length > 0 && _sidecar.Mesh.HostOf(type, id) is { } host)
            {
                return host.Actors;
            }

            if (tries == 5)
            {
                var problem =
                    $"failed to lookup actor: api error: code = FailedPrecondition desc = did not find address for actor '{type}/{id}'";
                throw new ActorException("ERR_ACTOR_INVOKE_METHOD", $"error invoke actor method: {problem}")
                {
                    Code = StatusCode.FailedPrecondition,
                    GrpcMessage = problem,
                };
            }

            await Task.Delay(TimeSpan.FromSeconds(1), _options.Time, stop);
        }
    }

    private bool IsHere(string type, string id) => _sidecar.Mesh.HostOf(type, id) is not { } host || host == _sidecar;

    /// <summary>Null: the actor lives at another instance of the app now.</summary>
    private async Task<HttpResponseMessage?> InvokeHere(
        string type, string id, string path, byte[] body, IHeaderDictionary? headers, Activity? trace, TimeSpan? timeout, CancellationToken stop)
    {
        using var turn = await TakeTurnHere(type, id, headers, stop);
        return turn is null ? null : await Call(turn, type, id, path, body, headers, trace, timeout, stop);
    }

    /// <summary>A turn of an actor that has ended wherever else it has lived. Null: it lives at another instance of the app now.</summary>
    /// <exception cref="HttpRequestException">The app may have the actor from an earlier time here, and cannot be told to end it.</exception>
    private async Task<ActorTurns.Turn?> TakeTurnHere(string type, string id, IHeaderDictionary? headers, CancellationToken stop)
    {
        if (_sidecar.App is null)
        {
            throw new ActorException("ERR_ACTOR_NO_APP_CHANNEL", "app channel is not initialized", 400) { Code = StatusCode.Unavailable };
        }

        var config = _types.GetValueOrDefault(type) ?? throw InvokeFailed($"did not find address for actor '{type}/{id}'");
        var reentrancyId = config.Reentrant ? headers?["Dapr-Reentrancy-Id"].FirstOrDefault() ?? Guid.NewGuid().ToString() : null;
        var turn = await TakeTurn(type, id, reentrancyId, config.MaxStackDepth, stop);
        var isMine = false;
        try
        {
            foreach (var other in _sidecar.Mesh.Of(_options.AppId).Where(other => other != _sidecar))
            {
                // Looked at all the time: two that wait for each other's turn would wait for good.
                await other.Actors.Release((type, id), () => IsHere(type, id), stop);
            }

            if (!IsHere(type, id))
            {
                return null;
            }

            if (_untold.ContainsKey((type, id)))
            {
                await TellEnded((type, id), stop);
                _untold.TryRemove((type, id), out _);
            }

            isMine = true;
            return turn;
        }
        finally
        {
            if (!isMine)
            {
                turn.Dispose();
            }
        }
    }

    private async Task<HttpResponseMessage> Call(
        ActorTurns.Turn turn, string type, string id, string path, byte[] body, IHeaderDictionary? headers, Activity? trace, TimeSpan? timeout, CancellationToken stop)
    {
        var app = _sidecar.App!;
        using var request = new HttpRequestMessage(HttpMethod.Put, app.At($"{PathOf(type, id)}/{path}")) { Content = new ByteArrayContent(body) };
        if (headers is null)
        {
            request.Content.Headers.ContentType = Json;
        }

        foreach (var (name, values) in headers ?? new HeaderDictionary())
        {
            if (name.Equals("Content-Type", StringComparison.OrdinalIgnoreCase))
            {
                request.Content.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
            }
            else if (!name.StartsWith("Content-", StringComparison.OrdinalIgnoreCase) && name is not ("Host" or "Connection" or "Transfer-Encoding" or "dapr-api-token"))
            {
                request.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
            }
        }

        if (turn.ReentrancyId is not null)
        {
            request.Headers.Remove("Dapr-Reentrancy-Id");
            request.Headers.TryAddWithoutValidation("Dapr-Reentrancy-Id", turn.ReentrancyId);
        }

        if (trace is not null)
        {
            Telemetry.Propagate(trace, null, null, request.Headers);
        }

        // The turn ends when the answer is whole.
        var limit = timeout is null ? Policy.None : new Policy(timeout, null, null, _options.Time);
        var response = await limit.RunOrThrow(async token =>
        {
            var answer = await app.Send(request, token);
            await answer.Content.LoadIntoBufferAsync(token);
            return answer;
        }, stop);
        if ((int)response.StatusCode == 200)
        {
            return response;
        }

        using (response)
        {
            throw (int)response.StatusCode == 404
                ? InvokeFailed($"actor method not found: actors/{type}/{id}/{path}")
                : InvokeFailed($"error from actor service: ({(int)response.StatusCode}) {await response.Content.ReadAsStringAsync(stop)}");
        }
    }

    private static string PathOf(string type, string id) => $"/actors/{GoPath.Escape(type)}/{GoPath.Escape(id)}";

    private async Task<ActorTurns.Turn> TakeTurn(string type, string id, string? reentrancyId, int maxDepth, CancellationToken stop)
    {
        while (true)
        {
            if (await _active.GetOrAdd((type, id), _ => new ActorTurns(_options.Time)).Take(reentrancyId, maxDepth, stop) is { } turn)
            {
                return turn;
            }

            // The app is being told that the actor is idle; after that, the call activates it anew.
            await Task.Delay(TimeSpan.FromMilliseconds(5), stop);
        }
    }

    private static ActorException InvokeFailed(string problem) => new("ERR_ACTOR_INVOKE_METHOD", $"error invoke actor method: {problem}");

    private async Task DeactivateIdle()
    {
        var now = _options.Time.GetUtcNow();
        foreach (var (key, turns) in _active)
        {
            if (_types.TryGetValue(key.Type, out var config) && now - turns.LastUsed >= config.IdleTimeout && turns.TryClose())
            {
                await Deactivate(key);
            }
        }
    }

    /// <summary>Ends an actor that lives elsewhere from now on, when its turns have ended; gives up when that is no longer so.</summary>
    private async Task Release((string Type, string Id) key, Func<bool> isElsewhere, CancellationToken stop)
    {
        if (!_active.TryGetValue(key, out var turns))
        {
            return;
        }

        var started = Stopwatch.GetTimestamp();
        while (_active.GetValueOrDefault(key) == turns && isElsewhere())
        {
            if (turns.TryClose() || !_sidecar.IsAppAvailable || Stopwatch.GetElapsedTime(started) > DrainTimeout)
            {
                turns.Close();
                await Deactivate(key);
                return;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(5), stop);
        }
    }

    private async Task Deactivate((string Type, string Id) key)
    {
        try
        {
            _telemetry.Metrics?.ActorDeactivated(key.Type);
            await TellEnded(key, default);
        }
        catch (Exception e) when (e is HttpRequestException or ObjectDisposedException)
        {
            // It is told before the actor's next turn here.
            _untold[key] = true;
        }
        finally
        {
            _active.TryRemove(key, out _);
        }
    }

    /// <summary>Completes when the app has been told, or is gone and the actor with it.</summary>
    /// <exception cref="HttpRequestException">The app is not healthy, or does not answer.</exception>
    private async Task TellEnded((string Type, string Id) key, CancellationToken stop)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(DeactivateTimeout);
        using var request = new HttpRequestMessage(HttpMethod.Delete, _sidecar.App!.At(PathOf(key.Type, key.Id))) { Content = new ByteArrayContent([]) };
        request.Content.Headers.ContentType = new("application/x-protobuf");
        try
        {
            (await _sidecar.App!.Send(request, limit.Token)).Dispose();
        }
        catch (HttpRequestException e) when (e.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionRefused })
        {
            // No process, no actor; the next process begins without.
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            throw new HttpRequestException($"the app did not answer within {DeactivateTimeout.TotalSeconds} s that actor {key.Type}/{key.Id} has ended");
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The app hosts actors ({Types}), but no state store is marked actorStateStore; reminders and actor state will fail")]
    private partial void LogNoStore(string types);
}
