using Lavka.Sidecar.Observability;
using YamlDotNet.RepresentationModel;

namespace Lavka.Sidecar.Resources;

/// <summary>The part of a Configuration resource the sidecar goes by (Dapr: reference/resource-specs/configuration-schema).</summary>
internal sealed class SidecarConfiguration
{
    private sealed record SecretScope(bool AllowByDefault, IReadOnlyList<string> Allowed, IReadOnlyList<string> Denied);

    private readonly Dictionary<string, SecretScope> _secretScopes = [];
    private readonly Dictionary<string, bool> _features = [];
    private readonly List<string> _allowedApis = [];
    private readonly List<string> _deniedApis = [];

    /// <exception cref="ResourceException">The tracing, the metrics, a scope or the access control is wrong.</exception>
    public SidecarConfiguration(IEnumerable<Resource> resources, IReadOnlyDictionary<string, string> environment)
    {
        Tracing = TracingSpec.FromEnvironmentAlone(environment);
        foreach (var resource in resources.Where(r => r.Kind == "Configuration"))
        {
            var spec = resource.Spec;
            Tracing = TracingSpec.From(resource, environment) ?? Tracing;
            AccessControl = AccessControl.From(resource) ?? AccessControl;
            ApiLogging |= spec.Get("logging").Get("apiLogging").Flag("enabled");
            Metrics = new(resource);
            foreach (var scope in spec.Get("secrets").Items("scopes"))
            {
                var store = scope.Text("storeName") ?? "";
                var access = scope.Text("defaultAccess")?.ToLowerInvariant() ?? "allow";
                if (access is not ("allow" or "deny"))
                {
                    throw resource.Error($"spec.secrets.scopes: defaultAccess is '{access}'; allowed are allow and deny.");
                }

                if (!_secretScopes.TryAdd(store, new(access == "allow", scope.Texts("allowedSecrets"), scope.Texts("deniedSecrets"))))
                {
                    throw resource.Error($"spec.secrets.scopes has the store '{store}' twice; one scope a store is allowed.");
                }
            }

            _allowedApis.AddRange(Rules(spec.Get("api"), "allowed"));
            _deniedApis.AddRange(Rules(spec.Get("api"), "denied"));

            foreach (var feature in spec.Items("features"))
            {
                _features[feature.Text("name") ?? ""] = feature.Flag("enabled");
            }
        }
    }

    // v1 and v1.0 are the same, as v1alpha1 and v1.0-alpha1.
    private static IEnumerable<string> Rules(YamlNode? api, string list) => api.Items(list)
        .Select(rule => $"{(rule.Text("protocol") is "grpc" ? "grpc" : "http")}/{(rule.Text("version") is { } version && !version.Contains('.', StringComparison.Ordinal) ? version.Length > 2 ? $"v1.0-{version[2..]}" : "v1.0" : rule.Text("version"))}/{rule.Text("name")}");

    /// <summary>Whether the app may read this secret.</summary>
    public bool MayRead(string store, string secret) =>
        !_secretScopes.TryGetValue(store, out var scope)
        || (scope.Allowed.Count > 0 ? scope.Allowed.Contains(secret)
            : scope.Denied.Count > 0 && scope.AllowByDefault ? !scope.Denied.Contains(secret)
            : scope.AllowByDefault && !scope.Denied.Contains(secret));

    /// <summary>Whether an API is open (Dapr: operations/configuration/api-allowlist).</summary>
    /// <param name="protocol"><c>http</c> or <c>grpc</c>: a rule is for one of them, and a list without a rule for a protocol leaves it open.</param>
    /// <param name="version">As in the path, for example <c>v1.0</c>.</param>
    /// <param name="name">For example <c>state</c>.</param>
    public bool IsOpen(string protocol, string version, string name)
    {
        if (_allowedApis.Count + _deniedApis.Count == 0)
        {
            return true;
        }

        var rule = $"{protocol}/{version}/{name}";
        return !_deniedApis.Contains(rule) && (_allowedApis.Contains(rule) || !_allowedApis.Exists(allowed => allowed.StartsWith(protocol + '/', StringComparison.Ordinal)));
    }

    /// <summary>Where spans go; null: there are none.</summary>
    public TracingSpec? Tracing { get; }

    /// <summary>Who may invoke the app; null: anyone.</summary>
    public AccessControl? AccessControl { get; }

    /// <summary>Whether every call of the API is logged.</summary>
    public bool ApiLogging { get; }

    /// <summary>What is counted, and under which labels.</summary>
    public MetricsSpec Metrics { get; } = new();

    /// <summary>The names of the features that are on, for the metadata API.</summary>
    public IEnumerable<string> Features => _features.Where(feature => feature.Value).Select(feature => feature.Key);

    /// <summary>Whether a feature is on.</summary>
    public bool IsEnabled(string feature, bool otherwise = false) => _features.GetValueOrDefault(feature, otherwise);
}
