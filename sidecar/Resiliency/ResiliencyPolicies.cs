using System.Collections.Concurrent;
using System.Globalization;
using Lavka.Sidecar.Cel;
using Lavka.Sidecar.Resources;
using YamlDotNet.RepresentationModel;

namespace Lavka.Sidecar.Resiliency;

/// <summary>
/// The Resiliency resources of one app (Dapr: operations/resiliency): its policies by name, and which target has which. A target that is named does not fall
/// back to the defaults, as in daprd.
/// </summary>
internal sealed partial class ResiliencyPolicies
{
    private sealed record Target(string? Timeout, string? Retry, string? Breaker);

    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private readonly Dictionary<string, TimeSpan> _timeouts = [];
    private readonly Dictionary<string, RetrySpec> _retries = [];
    private readonly Dictionary<string, CircuitBreakerSpec> _breakers = [];
    private readonly Dictionary<string, Target> _targets = [];
    private readonly Dictionary<string, string> _actorScopes = [];
    private readonly ConcurrentDictionary<string, CircuitBreaker> _running = new();
    private readonly ConcurrentDictionary<string, Policy> _policies = new();

    /// <summary>Reads the resources. What does not read is reported, and what follows it in its resource left out, as in daprd.</summary>
    public ResiliencyPolicies(IEnumerable<Resource> resources, TimeProvider time, ILogger<ResiliencyPolicies> log)
    {
        (_time, _log) = (time, log);
        foreach (var resource in resources)
        {
            try
            {
                ReadPolicies(resource, resource.Spec.Get("policies"));
                ReadTargets(resource, resource.Spec.Get("targets"));
            }
            catch (ResourceException e)
            {
                LogNotRead(e.Message);
            }
        }
    }

    /// <summary>For invoking an app. Each method has a breaker of its own.</summary>
    public Policy App(string appId, string method) => For($"app {appId}", $"app {appId} {method}", ["App", ""]);

    /// <summary>For calling an actor: its breaker is the type's or the actor's own, as <c>circuitBreakerScope</c> says.</summary>
    public Policy Actor(string type, string id) => For($"actor {type}", _actorScopes.GetValueOrDefault(type) switch
    {
        "type" => $"actor {type}",
        _ => $"actor {type} {id}",
    }, ["Actor", ""]);

    /// <summary>For what the app asks of a component.</summary>
    /// <param name="component">The component's name.</param>
    /// <param name="kind">Dapr's word in default policies: Pubsub, Statestore, Secretstore, Binding.</param>
    public Policy Outbound(string component, string kind) => Component(component, kind, "Outbound");

    /// <summary>For what a component brings to the app.</summary>
    /// <inheritdoc cref="Outbound"/>
    public Policy Inbound(string component, string kind) => Component(component, kind, "Inbound");

    private Policy Component(string component, string kind, string direction) => For(
        $"component {direction} {component}", $"component {component}", [$"{kind}Component{direction}", $"Component{direction}", "Component", ""]);

    private Policy For(string target, string breakerKey, string[] defaults)
    {
        // Most apps have no policies: nothing to look up then.
        if (_timeouts.Count + _retries.Count + _breakers.Count == 0)
        {
            return Policy.None;
        }

        return _policies.TryGetValue(breakerKey + target, out var policy) ? policy : Remember(target, breakerKey, defaults);
    }

    private Policy Remember(string target, string breakerKey, string[] defaults)
    {
        var named = _targets.GetValueOrDefault(target);
        var timeout = Pick(_timeouts, named?.Timeout, "TimeoutPolicy");
        var retry = Pick(_retries, named?.Retry, "RetryPolicy");
        var breaker = Pick(_breakers, named?.Breaker, "CircuitBreakerPolicy");
        var policy = timeout is null && retry is null && breaker is null
            ? Policy.None
            : new Policy((TimeSpan?)timeout, (RetrySpec?)retry, breaker is CircuitBreakerSpec spec ? _running.GetOrAdd(breakerKey, _ => new CircuitBreaker(spec, _time)) : null, _time);

        // Methods and actor ids are the caller's to choose: do not remember them without bound.
        if (_policies.Count > 10_000)
        {
            _policies.Clear();
        }

        return _policies[breakerKey + target] = policy;

        object? Pick<T>(Dictionary<string, T> policies, string? own, string kind) => named is not null
            ? own is not null && policies.TryGetValue(own, out var found) ? found : null
            : defaults.Select(part => $"Default{part}{kind}").Where(policies.ContainsKey).Select(name => (object?)policies[name]).FirstOrDefault();
    }

    private void ReadPolicies(Resource resource, YamlNode? policies)
    {
        foreach (var (name, value) in policies.Get("timeouts").Pairs())
        {
            if (Time(resource, $"timeout '{name}'", value.Text(), TimeSpan.Zero) is var timeout && timeout > TimeSpan.Zero)
            {
                _timeouts[name] = timeout;
            }
        }

        foreach (var (name, value) in policies.Get("retries").Pairs())
        {
            var where = $"retry '{name}'";
            var kind = value.Text("policy")?.ToLowerInvariant() ?? "constant";
            if (kind is not ("constant" or "exponential"))
            {
                throw resource.Error($"{where}: the policy '{kind}' is unknown; allowed are constant and exponential.");
            }

            try
            {
                _retries[name] = new(
                    kind == "exponential",
                    Time(resource, $"{where}: duration", value.Text("duration"), TimeSpan.FromSeconds(5)),
                    Time(resource, $"{where}: maxInterval", value.Text("maxInterval"), TimeSpan.FromSeconds(60)),
                    Number(resource, $"{where}: maxRetries", value.Text("maxRetries"), -1),
                    RetrySpec.ParseStatusCodes(value.Get("matching").Text("httpStatusCodes")),
                    RetrySpec.ParseGrpcStatusCodes(value.Get("matching").Text("gRPCStatusCodes")));
            }
            catch (FormatException e)
            {
                throw resource.Error($"{where}: {e.Message}.");
            }
        }

        foreach (var (name, value) in policies.Get("circuitBreakers").Pairs())
        {
            var where = $"circuitBreaker '{name}'";
            try
            {
                var timeout = Time(resource, $"{where}: timeout", value.Text("timeout"), TimeSpan.Zero);
                _breakers[name] = new(
                    Math.Max(1, Number(resource, $"{where}: maxRequests", value.Text("maxRequests"), 1)),
                    Time(resource, $"{where}: interval", value.Text("interval"), TimeSpan.Zero),
                    timeout > TimeSpan.Zero ? timeout : TimeSpan.FromSeconds(60),
                    value.Text("trip") is { } trip ? CelExpression.Parse(trip) : null);
            }
            catch (CelException e)
            {
                throw resource.Error($"{where}: trip: {e.Message}.");
            }
        }
    }

    private void ReadTargets(Resource resource, YamlNode? targets)
    {
        foreach (var (name, value) in targets.Get("apps").Pairs())
        {
            _targets[$"app {name}"] = Read(value);
        }

        foreach (var (name, value) in targets.Get("actors").Pairs())
        {
            var scope = value.Text("circuitBreakerScope");
            if (value.Text("circuitBreaker") is not null)
            {
                _actorScopes[name] = scope is "type" or "id" or "both" ? scope
                    : throw resource.Error($"targets.actors.{name}: circuitBreakerScope is '{scope}'; allowed are type, id and both.");
            }

            _targets[$"actor {name}"] = Read(value);
        }

        foreach (var (name, value) in targets.Get("components").Pairs())
        {
            foreach (var direction in new[] { "Inbound", "Outbound" })
            {
                _targets[$"component {direction} {name}"] = Read(value.Get(direction));
            }
        }

        static Target Read(YamlNode? node) => new(node.Text("timeout"), node.Text("retry"), node.Text("circuitBreaker"));
    }

    private static TimeSpan Time(Resource resource, string where, string? text, TimeSpan otherwise) =>
        text is null ? otherwise
        : Durations.TryParseGoOrMilliseconds(text, out var duration) ? duration
        : throw resource.Error($"{where}: '{text}' is no duration; allowed is for example 500ms, 5s or 1m30s.");

    private static int Number(Resource resource, string where, string? text, int otherwise) =>
        text is null ? otherwise
        : int.TryParse(text, CultureInfo.InvariantCulture, out var number) ? number
        : throw resource.Error($"{where}: '{text}' is no whole number.");

    [LoggerMessage(Level = LogLevel.Error, Message = "Could not read resiliency policy: {Problem}")]
    private partial void LogNotRead(string problem);
}
