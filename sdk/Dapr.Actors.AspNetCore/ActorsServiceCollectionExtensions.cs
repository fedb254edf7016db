using Dapr;
using Dapr.Actors.Client;
using Dapr.Actors.Runtime;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers the actor runtime.</summary>
public static class ActorsServiceCollectionExtensions
{
    /// <summary>Registers the actor runtime and <see cref="IActorProxyFactory"/>. The app's configuration comes before the environment.</summary>
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
        services.TryAdd(new ServiceDescriptor(typeof(IActorProxyFactory), provider => new ActorProxyFactory(new()
        {
            JsonSerializerOptions = options.JsonSerializerOptions,
            UseJsonSerialization = options.UseJsonSerialization,
            HttpEndpoint = EndpointOf(options, provider),
            DaprApiToken = TokenOf(options, provider),
        }), lifetime));
    }

    internal static string EndpointOf(ActorRuntimeOptions options, IServiceProvider services)
    {
        var configuration = services.GetService<IConfiguration>();
        return string.IsNullOrWhiteSpace(options.HttpEndpoint) ? DaprDefaults.HttpEndpoint(name => configuration?[name]) : options.HttpEndpoint;
    }

    internal static string? TokenOf(ActorRuntimeOptions options, IServiceProvider services)
    {
        var configuration = services.GetService<IConfiguration>();
        return string.IsNullOrWhiteSpace(options.DaprApiToken) ? DaprDefaults.ApiToken(name => configuration?[name]) : options.DaprApiToken;
    }
}
