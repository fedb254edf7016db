using Dapr.Client;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers Dapr's client.</summary>
public static class DaprServiceCollectionExtensions
{
    /// <summary>Registers a <see cref="DaprClient"/>, unless there is one.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Settings other than the environment's.</param>
    /// <param name="lifetime">The client's lifetime.</param>
    public static void AddDaprClient(this IServiceCollection services, Action<DaprClientBuilder>? configure = null, ServiceLifetime lifetime = ServiceLifetime.Singleton) =>
        services.TryAdd(new ServiceDescriptor(typeof(DaprClient), _ =>
        {
            var builder = new DaprClientBuilder();
            configure?.Invoke(builder);
            return builder.Build();
        }, lifetime));
}
