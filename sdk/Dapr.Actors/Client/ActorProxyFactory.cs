using System.Collections.Concurrent;
using System.Reflection;

namespace Dapr.Actors.Client;

/// <summary>Makes actor proxies that share their connections.</summary>
public class ActorProxyFactory : IActorProxyFactory
{
    private static readonly ConcurrentDictionary<(string Endpoint, string? Token), DaprActorHttp> Shared = new();

    private readonly HttpMessageHandler? _handler;

    /// <summary>Makes a factory.</summary>
    /// <param name="options">How its proxies call; null: the environment's settings.</param>
    /// <param name="handler">Sends the requests; null: .NET's own.</param>
    public ActorProxyFactory(ActorProxyOptions? options = null, HttpMessageHandler? handler = null)
    {
        DefaultOptions = options ?? new();
        _handler = handler;
    }

    /// <summary>How its proxies call.</summary>
    public ActorProxyOptions DefaultOptions { get; set; }

    /// <inheritdoc />
    public TActorInterface CreateActorProxy<TActorInterface>(ActorId actorId, string actorType, ActorProxyOptions? options = null)
        where TActorInterface : IActor
    {
        var proxy = DispatchProxy.Create<TActorInterface, TypedActorProxy>();
        ((TypedActorProxy)(object)proxy).Actor = Create(actorId, actorType, options);
        return proxy;
    }

    /// <inheritdoc />
    public ActorProxy Create(ActorId actorId, string actorType, ActorProxyOptions? options = null)
    {
        options ??= DefaultOptions;
        var http = _handler is not null
            ? new DaprActorHttp(options.HttpEndpoint, options.DaprApiToken, _handler)
            : Shared.GetOrAdd((options.HttpEndpoint, options.DaprApiToken), key => new(key.Endpoint, key.Token));
        return new(actorId, actorType, http, options.JsonSerializerOptions);
    }
}
