using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Lavka.Testing;

namespace Lavka.Deploy.Tests;

/// <summary>What Helm makes of the chart.</summary>
internal sealed partial record Rendering(Case Case, IReadOnlyList<KubeObject> Objects)
{
    public IEnumerable<PodTemplate> Pods => Objects.Select(one => one.Pod).OfType<PodTemplate>();

    /// <summary>Those with a sidecar, by app id.</summary>
    public IReadOnlyDictionary<string, PodTemplate> Apps => Pods.Where(pod => pod.AppId is not null).ToDictionary(pod => pod.AppId!);

    public static Rendering Parse(Case @case, string text) => new(@case, [.. Separator().Split(text)
        .Select(document => (Yaml: document.Trim('\n'), Node: document.Trim().Length > 0 ? YamlJson.Nodes(document).SingleOrDefault() as JsonObject : null))
        .Where(document => document.Node is not null)
        .Select(document => new KubeObject(document.Node!, document.Yaml))]);

    public IEnumerable<KubeObject> OfKind(string kind) => Objects.Where(one => one.Kind == kind);

    public KubeObject? Find(string kind, string name) => Objects.SingleOrDefault(one => one.Kind == kind && one.Name == name);

    [GeneratedRegex(@"^---.*\n", RegexOptions.Multiline)]
    private static partial Regex Separator();
}
