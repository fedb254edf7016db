using System.Text.Json.Nodes;

namespace Lavka.Deploy.Tests;

/// <summary>A Secret or ConfigMap that an object refers to.</summary>
/// <param name="Key">Null: all of it, or it does not say.</param>
internal sealed record Reference(string Kind, string Name, string? Key)
{
    /// <summary>All that is in an object, Dapr's annotations among them.</summary>
    public static IEnumerable<Reference> In(KubeObject one) => InJson(one.Json).Concat(one.Pod is { } pod ? InAnnotations(pod.Annotations) : []);

    public override string ToString() => Key is null ? $"{Kind}/{Name}" : $"{Kind}/{Name}, {Key}";

    private static IEnumerable<Reference> InJson(JsonNode? node) => node switch
    {
        JsonArray list => list.SelectMany(InJson),
        JsonObject map => map.SelectMany(member => Named(member.Key, member.Value).Concat(InJson(member.Value))),
        _ => [],
    };

    private static IEnumerable<Reference> Named(string name, JsonNode? value) => name switch
    {
        "secretKeyRef" => [new("Secret", value.Text("name"), value.Text("key"))],
        "secretRef" => [new("Secret", value.Text("name"), null)],
        "secretTargetRef" => (value as JsonArray ?? []).Select(one => new Reference("Secret", one.Text("name"), one.Text("key"))),
        "imagePullSecrets" => (value as JsonArray ?? []).Select(one => new Reference("Secret", one.Text("name"), null)),
        "secretName" => [new("Secret", value!.ToString(), null)],
        "configMapKeyRef" => [new("ConfigMap", value.Text("name"), value.Text("key"))],
        "configMapRef" or "configMap" => [new("ConfigMap", value.Text("name"), null)],
        _ => [],
    };

    // Dapr's injector reads the key "token" of the first two.
    private static IEnumerable<Reference> InAnnotations(IReadOnlyDictionary<string, string> annotations) =>
        new[] { "dapr.io/api-token-secret", "dapr.io/app-token-secret" }.Where(annotations.ContainsKey).Select(name => new Reference("Secret", annotations[name], "token"))
            .Concat(annotations.GetValueOrDefault("dapr.io/env-from-secret", "").Split(',', StringSplitOptions.RemoveEmptyEntries)
                .Select(variable => variable.Split('=')[1].Split(':')).Select(source => new Reference("Secret", source[0], source[^1])));
}
