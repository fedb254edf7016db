using System.Text.Json;
using System.Text.RegularExpressions;
using Json.Schema;
using YamlDotNet.Core;

namespace Lavka.Testing;

/// <summary>
/// What Dapr 1.17 takes, as far as it can be said without a daprd. <c>dapr/*.schema.json</c>: the shapes of its resources (pkg/apis) and of the CLI's run file (pkg/runfileconfig).
/// <c>dapr/component-types.json</c>: by component type the versions, the metadata names (metadata.yaml of components-contrib) and those it does not start without; and by
/// kind of component the names that are the sidecar's. Types of our own sidecar's are looked up in docs/dapr-compatibility.md, which a test compares with its code.
/// </summary>
public static partial class DaprResources
{
    private static readonly string Folder = Path.Combine(Repository.Root, "tests", "Testing", "dapr");
    private static readonly JsonElement Types = JsonElement.Parse(File.ReadAllText(Path.Combine(Folder, "component-types.json")));
    private const string InMemoryBroker = "pubsub.in-memory";

    private static readonly Dictionary<string, HashSet<string>> OfOurSidecar = ReadCompatibility();

    /// <summary>What is wrong with a resources file; nothing: Dapr takes it.</summary>
    /// <param name="alternatives">Whether a metadata name may be there twice: once for each of two ways.</param>
    public static IEnumerable<string> Problems(string yaml, bool alternatives = false)
    {
        IReadOnlyList<JsonElement> documents;
        try
        {
            documents = YamlJson.Documents(yaml);
        }
        catch (YamlException e)
        {
            return [$"line {e.Start.Line} is no YAML: {e.Message}"];
        }

        return documents.Count == 0 ? ["there is nothing in it"] : documents.SelectMany(document => Problems(document, alternatives, inKubernetes: false));
    }

    /// <summary>What is wrong with a resource of Kubernetes, for a daprd: a type of our own sidecar's is unknown there, and secrets are Kubernetes' unless <c>auth</c> says otherwise.</summary>
    public static IEnumerable<string> KubernetesProblems(JsonElement resource) => Problems(resource, alternatives: false, inKubernetes: true);

    /// <summary>What is wrong with a run file.</summary>
    public static string? RunFileProblem(string yaml) => Schema("run-file").Problem(YamlJson.Documents(yaml).Single());

    /// <summary>A file as it is with one block of what is commented out in it taken in, for each block. A comment's text follows one space; all else is YAML.</summary>
    public static IEnumerable<string> WithAlternatives(string yaml)
    {
        var lines = yaml.Split('\n');
        for (var start = 0; start < lines.Length; start++)
        {
            var end = start;
            while (end < lines.Length && CommentedOut().IsMatch(lines[end]))
            {
                end++;
            }

            if (end > start)
            {
                yield return string.Join('\n', lines.Select((line, i) => i >= start && i < end ? CommentedOut().Replace(line, "$1$2") : line));
                start = end;
            }
        }
    }

    /// <summary>Lines of text that look like YAML, and would be taken for text.</summary>
    public static IEnumerable<string> DisguisedYaml(string yaml) => yaml.Split('\n').Where(line => Disguised().IsMatch(line));

    private static IEnumerable<string> Problems(JsonElement document, bool alternatives, bool inKubernetes)
    {
        var kind = $"{Text(document, "apiVersion")} {Text(document, "kind")}";
        var schema = kind switch
        {
            "dapr.io/v1alpha1 Component" => "component",
            "dapr.io/v2alpha1 Subscription" => "subscription",
            "dapr.io/v1alpha1 Resiliency" => "resiliency",
            "dapr.io/v1alpha1 Configuration" => "configuration",
            _ => null,
        };
        return schema is null ? [$"the kind '{kind}' is unknown"]
            : Schema(schema).Problem(document) is { } problem ? [problem]
            : schema == "component" ? ComponentProblems(document.GetProperty("spec"), document.TryGetProperty("auth", out _), alternatives, inKubernetes)
            : [];
    }

    private static IEnumerable<string> ComponentProblems(JsonElement spec, bool hasAuth, bool alternatives, bool inKubernetes)
    {
        var (type, version) = (Text(spec, "type"), Text(spec, "version"));
        var fields = spec.GetProperty("metadata").EnumerateArray().ToList();
        var names = fields.ConvertAll(field => Text(field, "name"));
        HashSet<string> known;
        if (Types.TryGetProperty(type, out var spoken))
        {
            known = [.. Strings(spoken.GetProperty("metadata"))];
            if (!inKubernetes && type == InMemoryBroker)
            {
                // A daprd has one of its own: it is for our sidecars alone.
                known.UnionWith(OfOurSidecar[type]);
            }

            if (!Strings(spoken.GetProperty("versions")).Contains(version))
            {
                yield return $"{type} has no version {version}";
            }

            foreach (var either in spoken.GetProperty("required").EnumerateArray().Select(either => Strings(either).ToList()).Where(either => !names.Intersect(either, StringComparer.OrdinalIgnoreCase).Any()))
            {
                yield return $"{type} does not start without {string.Join(" or ", either)}";
            }
        }
        else if (!inKubernetes && OfOurSidecar.TryGetValue(type, out var own))
        {
            known = own;
        }
        else
        {
            yield return $"the type {type} is unknown";
            yield break;
        }

        var common = Strings(Types.GetProperty(type[..type.IndexOf('.', StringComparison.Ordinal)]).GetProperty("metadata")).ToList();
        foreach (var name in names.Where(name => !known.Contains(name, StringComparer.OrdinalIgnoreCase) && !common.Contains(name, StringComparer.OrdinalIgnoreCase)))
        {
            yield return $"{type} has no metadata field {name}";
        }

        // What our sidecar has of a type, it must know, or its documentation must say that it lacks it.
        foreach (var name in names.Where(name => !alternatives && !inKubernetes && OfOurSidecar.TryGetValue(type, out var has) && !has.Contains(name) && !common.Contains(name, StringComparer.OrdinalIgnoreCase)))
        {
            yield return $"{type} has the field {name}, which docs/dapr-compatibility.md does not know";
        }

        foreach (var twice in names.GroupBy(name => name, StringComparer.OrdinalIgnoreCase).Where(same => !alternatives && same.Count() > 1))
        {
            yield return $"{type} has {twice.Key} twice";
        }

        foreach (var name in fields.Where(field => !field.TryGetProperty("value", out _) && !field.TryGetProperty("secretKeyRef", out _) && !field.TryGetProperty("envRef", out _)).Select(field => Text(field, "name")))
        {
            yield return $"{type} has {name} without a value";
        }

        if (!alternatives && !inKubernetes && !hasAuth && fields.Any(field => field.TryGetProperty("secretKeyRef", out _)))
        {
            yield return $"{type} refers to a secret, and auth.secretStore is missing";
        }
    }

    private static JsonSchema Schema(string name) => Schemas.Parse(File.ReadAllText(Path.Combine(Folder, $"{name}.schema.json")));

    /// <summary>By component type every name in its row: its fields, and those it lacks.</summary>
    private static Dictionary<string, HashSet<string>> ReadCompatibility() => File.ReadLines(Path.Combine(Repository.Root, "docs", "dapr-compatibility.md"))
        .SkipWhile(line => line != "## Components").Skip(1).TakeWhile(line => !line.StartsWith("## ", StringComparison.Ordinal))
        .Select(line => line.Split('|')).Where(cells => cells.Length > 4 && cells[2].Trim() is "yes" or "own" or "partly")
        .ToDictionary(cells => Quoted().Match(cells[1]).Groups[1].Value, cells => cells.Skip(3).SelectMany(cell => Quoted().Matches(cell)).Select(match => match.Groups[1].Value).ToHashSet(StringComparer.OrdinalIgnoreCase));

    private static string Text(JsonElement of, string name) => of.ValueKind == JsonValueKind.Object && of.TryGetProperty(name, out var value) ? value.ToString() : "";

    private static IEnumerable<string> Strings(JsonElement list) => list.EnumerateArray().Select(one => one.GetString()!);

    [GeneratedRegex(@"^(\s*)#(?! \S)(.+)$")]
    private static partial Regex CommentedOut();

    [GeneratedRegex(@"^\s*# (- \w+:|\w+:( \S+)?$)")]
    private static partial Regex Disguised();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Quoted();
}
