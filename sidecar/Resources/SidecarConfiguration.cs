namespace Lavka.Sidecar.Resources;

/// <summary>The part of a Configuration resource the sidecar goes by (Dapr: reference/resource-specs/configuration-schema).</summary>
internal sealed class SidecarConfiguration
{
    private sealed record SecretScope(bool AllowByDefault, IReadOnlyList<string> Allowed, IReadOnlyList<string> Denied);

    private readonly Dictionary<string, SecretScope> _secretScopes = [];
    private readonly HashSet<string> _features = [];

    public SidecarConfiguration(IEnumerable<Resource> resources)
    {
        foreach (var spec in resources.Where(r => r.Kind == "Configuration").Select(r => r.Spec))
        {
            foreach (var scope in spec.Get("secrets").Items("scopes"))
            {
                _secretScopes[scope.Text("storeName") ?? ""] = new(
                    !string.Equals(scope.Text("defaultAccess"), "deny", StringComparison.OrdinalIgnoreCase), scope.Texts("allowedSecrets"), scope.Texts("deniedSecrets"));
            }

            foreach (var feature in spec.Items("features").Where(feature => feature.Flag("enabled")))
            {
                _features.Add(feature.Text("name") ?? "");
            }
        }
    }

    /// <summary>Whether the app may read this secret.</summary>
    public bool MayRead(string store, string secret) =>
        !_secretScopes.TryGetValue(store, out var scope)
        || (scope.Allowed.Count > 0 ? scope.Allowed.Contains(secret)
            : scope.Denied.Count > 0 && scope.AllowByDefault ? !scope.Denied.Contains(secret)
            : scope.AllowByDefault && !scope.Denied.Contains(secret));

    /// <summary>Whether a preview feature is on.</summary>
    public bool IsEnabled(string feature) => _features.Contains(feature);
}
