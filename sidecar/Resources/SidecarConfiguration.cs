using Lavka.Sidecar.Observability;

namespace Lavka.Sidecar.Resources;

/// <summary>The part of a Configuration resource the sidecar goes by (Dapr: reference/resource-specs/configuration-schema).</summary>
internal sealed class SidecarConfiguration
{
    private sealed record SecretScope(bool AllowByDefault, IReadOnlyList<string> Allowed, IReadOnlyList<string> Denied);

    private readonly Dictionary<string, SecretScope> _secretScopes = [];
    private readonly Dictionary<string, bool> _features = [];

    /// <exception cref="ResourceException">The tracing is wrong.</exception>
    public SidecarConfiguration(IEnumerable<Resource> resources, IReadOnlyDictionary<string, string> environment)
    {
        Tracing = TracingSpec.FromEnvironmentAlone(environment);
        foreach (var resource in resources.Where(r => r.Kind == "Configuration"))
        {
            var spec = resource.Spec;
            Tracing = TracingSpec.From(resource, environment) ?? Tracing;
            ApiLogging |= spec.Get("logging").Get("apiLogging").Flag("enabled");
            MetricsEnabled = (spec.Get("metrics").Text("enabled") ?? spec.Get("metric").Text("enabled")) is not { } enabled || YamlNodes.IsTrue(enabled);
            foreach (var scope in spec.Get("secrets").Items("scopes"))
            {
                _secretScopes[scope.Text("storeName") ?? ""] = new(
                    !string.Equals(scope.Text("defaultAccess"), "deny", StringComparison.OrdinalIgnoreCase), scope.Texts("allowedSecrets"), scope.Texts("deniedSecrets"));
            }

            foreach (var feature in spec.Items("features"))
            {
                _features[feature.Text("name") ?? ""] = feature.Flag("enabled");
            }
        }
    }

    /// <summary>Whether the app may read this secret.</summary>
    public bool MayRead(string store, string secret) =>
        !_secretScopes.TryGetValue(store, out var scope)
        || (scope.Allowed.Count > 0 ? scope.Allowed.Contains(secret)
            : scope.Denied.Count > 0 && scope.AllowByDefault ? !scope.Denied.Contains(secret)
            : scope.AllowByDefault && !scope.Denied.Contains(secret));

    /// <summary>Where spans go; null: there are none.</summary>
    public TracingSpec? Tracing { get; }

    /// <summary>Whether every call of the API is logged.</summary>
    public bool ApiLogging { get; }

    /// <summary>Whether anything is counted, given a port to ask for it.</summary>
    public bool MetricsEnabled { get; } = true;

    /// <summary>The names of the features that are on, for the metadata API.</summary>
    public IEnumerable<string> Features => _features.Where(feature => feature.Value).Select(feature => feature.Key);

    /// <summary>Whether a feature is on.</summary>
    public bool IsEnabled(string feature, bool otherwise = false) => _features.GetValueOrDefault(feature, otherwise);
}
