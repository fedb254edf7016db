using Dapr.Actors.Client;
using Dapr.Actors.Runtime;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers the actor runtime.</summary>
public static class ActorsServiceCollectionExtensions
{
    /// <summary>Registers the actor runtime and <see cref="IActorProxyFactory"/>.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">The actors the app hosts.</param>
    /// <param name="lifetime">The proxy factory's lifetime.</param>
    public static void AddActors(this IServiceCollection? services, Action<ActorRuntimeOptions>? configure, ServiceLifetime lifetime = ServiceLifetime.Singleton)
    {
        ArgumentNullException.ThrowIfNull(services);
        var options = new ActorRuntimeOptions();
        configure?.Invoke(options);
        services.TryAddSingleton(options);
        services.TryAddSingleton<ActorHosting>();
        services.TryAdd(new ServiceDescriptor(typeof(IActorProxyFactory), _ =>
        {
            var proxies = new ActorProxyOptions { JsonSerializerOptions = options.JsonSerializerOptions };
            if (options.HttpEndpoint is { } endpoint)
            {
                proxies.HttpEndpoint = endpoint;
            }

            if (!string.IsNullOrEmpty(options.DaprApiToken))
            {
                proxies.DaprApiToken = options.DaprApiToken;
            }

            return new ActorProxyFactory(proxies);
        }, lifetime));
    }
}
