using System.Text.Json;
using Lavka.Sidecar.Resources;
using Lavka.Sidecar.State;

namespace Lavka.Sidecar.Secrets;

/// <summary><c>secretstores.local.file</c> (Dapr: reference/components-reference/supported-secret-stores/file-secret-store): a JSON file, read at the start.</summary>
internal sealed class FileSecretStore : ISecretStore
{
    private readonly Dictionary<string, IReadOnlyDictionary<string, string>> _secrets = [];

    public FileSecretStore(ComponentMetadata metadata)
    {
        var path = metadata.InputPath(metadata.Required("secretsFile"));
        var separator = metadata.Get("nestedSeparator", ":");
        var multiValued = metadata.Flag("multiValued");
        Capabilities = multiValued ? ["MULTIPLE_KEY_VALUES_PER_SECRET"] : [];
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            foreach (var secret in document.RootElement.EnumerateObject())
            {
                if (multiValued)
                {
                    // Neither a text nor an object of them is no secret here.
                    if (secret.Value.ValueKind == JsonValueKind.Object)
                    {
                        _secrets[secret.Name] = Flat(secret.Value, "", separator).ToDictionary();
                    }
                    else if (secret.Value.ValueKind == JsonValueKind.String)
                    {
                        _secrets[secret.Name] = new Dictionary<string, string> { [secret.Name] = secret.Value.GetString()! };
                    }
                }
                else
                {
                    foreach (var (name, value) in Flat(secret.Value, secret.Name, separator))
                    {
                        _secrets[name] = new Dictionary<string, string> { [name] = value };
                    }
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or InvalidOperationException)
        {
            throw metadata.Invalid("secretsFile", $"a JSON file with an object of secrets ({e.Message})");
        }
    }

    public IReadOnlyList<string> Capabilities { get; }

    public IReadOnlyDictionary<string, string> Get(string name) =>
        _secrets.GetValueOrDefault(name) ?? throw new KeyNotFoundException($"secret {name} not found");

    public IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>> GetAll() => _secrets;

    public ValueTask DisposeAsync() => default;

    private static IEnumerable<KeyValuePair<string, string>> Flat(JsonElement value, string path, string separator)
    {
        string Inside(string name) => path.Length == 0 ? name : path + separator + name;
        return value.ValueKind switch
        {
            JsonValueKind.Object => value.EnumerateObject().SelectMany(member => Flat(member.Value, Inside(member.Name), separator)),
            JsonValueKind.Array => value.EnumerateArray().SelectMany((item, i) => Flat(item, Inside(i.ToString(System.Globalization.CultureInfo.InvariantCulture)), separator)),
            _ => [new(path, Text(value))],
        };
    }

    // What is no text comes out as Go prints it where it expects one: daprd's users see this too, and write their secrets as texts.
    private static string Text(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString()!,
        JsonValueKind.Number => $"%!s(float64={GoJson.Shortest(value.GetDouble())})",
        JsonValueKind.Null => "%!s(<nil>)",
        _ => $"%!s(bool={value.GetRawText()})",
    };
}
