using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.Secrets;

/// <summary>
/// <c>secretstores.local.env</c> (Dapr: reference/components-reference/supported-secret-stores/envvar-secret-store). Dapr's own variables are hidden.
/// </summary>
internal sealed class EnvironmentSecretStore(ComponentMetadata metadata, IReadOnlyDictionary<string, string> environment) : ISecretStore
{
    private readonly string _prefix = metadata.Get("prefix", "");

    public IReadOnlyList<string> Capabilities { get; } = [];

    public IReadOnlyDictionary<string, string> Get(string name) =>
        new Dictionary<string, string> { [name] = IsAllowed(_prefix + name) ? environment.GetValueOrDefault(_prefix + name) ?? "" : "" };

    public IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>> GetAll() => environment
        .Where(variable => variable.Key.StartsWith(_prefix, StringComparison.Ordinal) && IsAllowed(variable.Key))
        .Select(variable => (Name: variable.Key[_prefix.Length..], variable.Value))
        .ToDictionary(secret => secret.Name, secret => (IReadOnlyDictionary<string, string>)new Dictionary<string, string> { [secret.Name] = secret.Value });

    public ValueTask DisposeAsync() => default;

    /// <summary>Whether a variable may be shown: not the tokens, nothing of Dapr's own.</summary>
    public static bool IsAllowed(string variable) =>
        !variable.Equals("APP_API_TOKEN", StringComparison.OrdinalIgnoreCase) && !variable.StartsWith("DAPR_", StringComparison.OrdinalIgnoreCase);
}
