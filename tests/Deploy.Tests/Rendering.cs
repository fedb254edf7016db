using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Lavka.Testing;
using YamlDotNet.Core;

namespace Lavka.Deploy.Tests;

/// <summary>What Helm makes of the chart.</summary>
internal sealed partial record Rendering(Case Case, IReadOnlyList<KubeObject> Objects)
{
    public IEnumerable<PodTemplate> Pods => Objects.Select(one => one.Pod).OfType<PodTemplate>();

    /// <summary>Those with a sidecar, by app id.</summary>
    public IReadOnlyDictionary<string, PodTemplate> Apps => Pods.Where(pod => pod.AppId is not null).ToDictionary(pod => pod.AppId!);

    /// <exception cref="FormatException">A document is no YAML, or has a name twice, which Helm lets pass.</exception>
    public static Rendering Parse(Case @case, string text) => new(@case, [.. Separator().Split(text).Select(document => document.Trim('\n')).Where(document => document.Length > 0)
        .Select(document => (Yaml: document, Node: Node(document))).Where(document => document.Node is not null).Select(document => new KubeObject(document.Node!, document.Yaml))]);

    public IEnumerable<KubeObject> OfKind(string kind) => Objects.Where(one => one.Kind == kind);

    public KubeObject? Find(string kind, string name) => Objects.SingleOrDefault(one => one.Kind == kind && one.Name == name);

    /// <summary>The objects that are in one alone, or differ. Of a Secret its keys count: its values may be generated.</summary>
    public IEnumerable<string> DifferencesFrom(Rendering other)
    {
        var (these, those) = (Texts(this), Texts(other));
        return these.Keys.Union(those.Keys).Where(name => these.GetValueOrDefault(name) != those.GetValueOrDefault(name));

        static Dictionary<string, string> Texts(Rendering rendering) => rendering.Objects.ToDictionary(one => one.ToString(), one => one.Kind == "Secret"
            ? string.Join(", ", one.Json.Map("data").Keys.Concat(one.Json.Map("stringData").Keys).Order(StringComparer.Ordinal))
            : one.Json.Sorted().ToJsonString());
    }

    private static JsonObject? Node(string document)
    {
        try
        {
            return YamlJson.Nodes(document).SingleOrDefault() as JsonObject;
        }
        catch (YamlException e)
        {
            throw new FormatException($"{e.Message} in {document}", e);
        }
    }

    [GeneratedRegex(@"^---.*\n", RegexOptions.Multiline)]
    private static partial Regex Separator();
}
