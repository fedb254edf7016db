namespace Lavka.Sidecar.Resources;

/// <summary>An HTTPEndpoint resource: a service outside of Dapr with a name (Dapr: reference/resource-specs/httpendpoints-schema).</summary>
internal sealed record HttpEndpoint(string Name, string BaseUrl, IReadOnlyDictionary<string, string> Headers)
{
    public static HttpEndpoint From(Resource resource, Components components)
    {
        // Whether it is a URL is found out when it is called, as in daprd.
        var baseUrl = resource.Spec.Text("baseUrl") ?? "";
        var headers = new Dictionary<string, string>();
        foreach (var header in resource.Spec.Items("headers"))
        {
            var value = header.Get("value")?.Value();
            if (value is null && header.Get("secretKeyRef") is { } reference && reference.Text("name") is { } secret &&
                components.SecretStores.TryGetValue(resource.Root.Get("auth").Text("secretStore") ?? "", out var store))
            {
                value = store.Get(secret).GetValueOrDefault(reference.Text("key") ?? secret);
            }

            headers[header.Text("name") ?? throw resource.Error("an entry of spec.headers has no name.")] = value ?? "";
        }

        return new(resource.Name, baseUrl, headers);
    }
}
