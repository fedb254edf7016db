using System.Diagnostics;
using Grpc.Core;
using Lavka.Sidecar.Observability;
using Lavka.Sidecar.Resiliency;
using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.Secrets;

/// <summary>
/// Dapr's secrets management, whoever asks for it, with the Configuration's secret scopes (Dapr: reference/api/secrets_api). What it cannot do is an
/// <see cref="ApiException"/>.
/// </summary>
internal sealed class SecretsManagement(Components components, SidecarConfiguration configuration, ResiliencyPolicies policies, Telemetry telemetry)
{
    /// <summary>A secret's values by name.</summary>
    public async ValueTask<IReadOnlyDictionary<string, string>> Get(string storeName, string name, CancellationToken cancellationToken)
    {
        var store = Find(storeName);
        if (!configuration.MayRead(storeName, name))
        {
            throw ApiException.Plain(403, "ERR_PERMISSION_DENIED", $"access denied by policy to get \"{name}\" from \"{storeName}\"");
        }

        try
        {
            return await Run(storeName, "get", () => store.Get(name), cancellationToken);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            throw ApiException.Plain(500, "ERR_SECRET_GET", $"failed getting secret with key {name} from secret store {storeName}: {e.Message}");
        }
    }

    /// <summary>Every secret that the app may read.</summary>
    public async ValueTask<IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>>> GetBulk(string storeName, CancellationToken cancellationToken)
    {
        var store = Find(storeName);
        try
        {
            var secrets = await Run(storeName, "bulk_get", store.GetAll, cancellationToken);
            return secrets.Where(secret => configuration.MayRead(storeName, secret.Key)).ToDictionary();
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            throw ApiException.Plain(500, "ERR_SECRET_GET", $"failed getting secrets from secret store {storeName}: {e.Message}");
        }
    }

    private ISecretStore Find(string name) =>
        components.SecretStores.IsEmpty ? throw ApiException.Plain(500, "ERR_SECRET_STORES_NOT_CONFIGURED", "secret store is not configured", StatusCode.FailedPrecondition)
        : components.SecretStores.TryGetValue(name, out var store) ? store
        : throw ApiException.Plain(401, "ERR_SECRET_STORE_NOT_FOUND", $"failed finding secret store with key {name}", StatusCode.InvalidArgument);

    private async ValueTask<T> Run<T>(string store, string operation, Func<T> call, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        var succeeded = false;
        try
        {
            var result = await policies.Outbound(store, "Secretstore").RunOrThrow(_ => ValueTask.FromResult(call()), cancellationToken);
            succeeded = true;
            return result;
        }
        finally
        {
            telemetry.Metrics?.Component("secret", store, operation, succeeded, Stopwatch.GetElapsedTime(started));
        }
    }
}
