using Dapr;
using Dapr.Client;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers Dapr's client.</summary>
public static class DaprServiceCollectionExtensions
{
    /// <summary>Registers a <see cref="DaprClient"/>, unless there is one. The app's configuration comes before the environment.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Settings other than the environment's.</param>
    /// <param name="lifetime">The client's lifetime.</param>
    public static void AddDaprClient(this IServiceCollection services, Action<DaprClientBuilder>? configure = null, ServiceLifetime lifetime = ServiceLifetime.Singleton) =>
        services.TryAdd(new ServiceDescriptor(typeof(DaprClient), provider =>
        {
            var configuration = provider.GetService<IConfiguration>();
            var builder = new DaprClientBuilder().UseHttpEndpoint(DaprDefaults.HttpEndpoint(name => configuration?[name]));
            if (DaprDefaults.ApiToken(name => configuration?[name]) is { } token)
            {
                builder.UseDaprApiToken(token);
            }

            configure?.Invoke(builder);
            return builder.Build();
        }, lifetime));
}
