using System.Text.Json;

namespace Dapr.Actors.Client;

/// <summary>Calls an actor's methods by name, with JSON.</summary>
public class ActorProxy : IActorProxy
{
    private readonly DaprActorHttp _http;
    private readonly JsonSerializerOptions _json;

    internal ActorProxy(ActorId actorId, string actorType, DaprActorHttp http, JsonSerializerOptions json) =>
        (ActorId, ActorType, _http, _json) = (actorId, actorType, http, json);

    /// <summary>The factory with the environment's settings.</summary>
    public static IActorProxyFactory DefaultProxyFactory { get; } = new ActorProxyFactory();

    /// <inheritdoc />
    public ActorId ActorId { get; }

    /// <inheritdoc />
    public string ActorType { get; }

    /// <summary>A proxy with an actor interface's methods.</summary>
    /// <param name="actorId">The actor's id.</param>
    /// <param name="actorType">The actor's type.</param>
    /// <param name="options">How to call; null: the environment's settings.</param>
    public static TActorInterface Create<TActorInterface>(ActorId actorId, string actorType, ActorProxyOptions? options = null)
        where TActorInterface : IActor => DefaultProxyFactory.CreateActorProxy<TActorInterface>(actorId, actorType, options);

    /// <summary>A proxy that calls methods by name.</summary>
    /// <param name="actorId">The actor's id.</param>
    /// <param name="actorType">The actor's type.</param>
    /// <param name="options">How to call; null: the environment's settings.</param>
    public static ActorProxy Create(ActorId actorId, string actorType, ActorProxyOptions? options = null) => DefaultProxyFactory.Create(actorId, actorType, options);

    /// <summary>Calls a method with an argument and a result.</summary>
    /// <param name="method">The method.</param>
    /// <param name="data">The argument.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="DaprApiException">The method failed.</exception>
    public async Task<TResponse> InvokeMethodAsync<TRequest, TResponse>(string method, TRequest data, CancellationToken cancellationToken = default) =>
        JsonSerializer.Deserialize<TResponse>(await Call(method, JsonSerializer.SerializeToUtf8Bytes(data, _json), cancellationToken).ConfigureAwait(false), _json)!;

    /// <summary>Calls a method with an argument.</summary>
    /// <param name="method">The method.</param>
    /// <param name="data">The argument.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="DaprApiException">The method failed.</exception>
    public Task InvokeMethodAsync<TRequest>(string method, TRequest data, CancellationToken cancellationToken = default) =>
        Call(method, JsonSerializer.SerializeToUtf8Bytes(data, _json), cancellationToken);

    /// <summary>Calls a method with a result.</summary>
    /// <param name="method">The method.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="DaprApiException">The method failed.</exception>
    public async Task<TResponse> InvokeMethodAsync<TResponse>(string method, CancellationToken cancellationToken = default) =>
        JsonSerializer.Deserialize<TResponse>(await Call(method, null, cancellationToken).ConfigureAwait(false), _json)!;

    /// <summary>Calls a method.</summary>
    /// <param name="method">The method.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="DaprApiException">The method failed.</exception>
    public Task InvokeMethodAsync(string method, CancellationToken cancellationToken = default) => Call(method, null, cancellationToken);

    private Task<byte[]> Call(string method, byte[]? body, CancellationToken stop) =>
        _http.Send(HttpMethod.Put, ActorType, ActorId.GetId(), $"method/{method}", body, stop);
}
