using System.Text.Json.Nodes;

namespace Lavka.Deploy.Tests;

/// <summary>A pod, or what pods are made of.</summary>
/// <param name="Of">The object it is in.</param>
internal sealed record PodTemplate(KubeObject Of, JsonNode Json)
{
    public Dictionary<string, string> Labels => Json.Map("metadata.labels");

    public Dictionary<string, string> Annotations => Json.Map("metadata.annotations");

    public JsonNode Spec => Json.At("spec")!;

    public IEnumerable<JsonNode> Containers => Spec.Items("initContainers").Concat(Spec.Items("containers"));

    /// <summary>The Dapr app id; null: it has no sidecar.</summary>
    public string? AppId => Annotations.GetValueOrDefault("dapr.io/enabled") == "true" ? Annotations.GetValueOrDefault("dapr.io/app-id") : null;

    /// <summary>Whether a pod has a port of this name or number.</summary>
    public bool HasPort(string port) => Containers.Any(container => HasPort(container, port));

    public static bool HasPort(JsonNode container, string port) => container.Items("ports").Any(one => one.Text("name") == port || one.Text("containerPort") == port);

    /// <summary>Whether the selector (<c>matchLabels</c>, <c>matchExpressions</c>) selects the pod.</summary>
    public bool IsSelectedBy(JsonNode? selector) => Selectors.Matches(selector, Labels);

    public override string ToString() => Of.ToString();
}
