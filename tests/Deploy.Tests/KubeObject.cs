using System.Text.Json.Nodes;

namespace Lavka.Deploy.Tests;

/// <summary>An object of a rendering.</summary>
/// <param name="Json">As Kubernetes reads it.</param>
/// <param name="Yaml">As Helm writes it.</param>
internal sealed record KubeObject(JsonObject Json, string Yaml)
{
    public string ApiVersion => Json.Text("apiVersion");

    public string Kind => Json.Text("kind");

    public string Name => Json.Text("metadata.name");

    public string Namespace => Json.Text("metadata.namespace");

    public bool IsDapr => ApiVersion.StartsWith("dapr.io/", StringComparison.Ordinal);

    /// <summary>Whether Helm makes it for a test, and not for the release.</summary>
    public bool IsHook => Annotations.ContainsKey("helm.sh/hook");

    public Dictionary<string, string> Labels => Json.Map("metadata.labels");

    public Dictionary<string, string> Annotations => Json.Map("metadata.annotations");

    /// <summary>What it makes pods of; null: it makes none.</summary>
    public PodTemplate? Pod => Kind switch
    {
        "Pod" => new(this, Json),
        "Deployment" or "StatefulSet" or "Job" => new(this, Json.At("spec.template")!),
        _ => null,
    };

    public override string ToString() => $"{Kind}/{Name}";
}
