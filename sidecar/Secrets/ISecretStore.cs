namespace Lavka.Sidecar.Secrets;

/// <summary>A secret store component.</summary>
internal interface ISecretStore : IComponent
{
    /// <summary>A secret's values by name; most have one, of the secret's own name.</summary>
    /// <exception cref="KeyNotFoundException">There is no such secret.</exception>
    IReadOnlyDictionary<string, string> Get(string name);

    /// <summary>Every secret.</summary>
    IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>> GetAll();
}
