using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Lavka.Testing;

namespace Lavka.Deploy.Tests;

/// <summary>
/// k8s/: the chart as manifests for kustomize, a file a kind. The base has what is equal in all overlays, but for two things which the overlays set: how many instances there are, and the
/// checksum by which Deployments notice that a Dapr resource has changed.
/// </summary>
internal static partial class Manifests
{
    public const string Folder = "k8s";

    private const string Checksum = "checksum/dapr";

    private static readonly string[] ByHand = ["values.yaml", "kustomization.yaml"];

    private static readonly string Root = Path.Combine(Repository.Root, Folder);

    public static IReadOnlyList<string> Overlays { get; } = [.. Directory.EnumerateDirectories(Path.Combine(Root, "overlays")).Select(folder => Path.GetFileName(folder)).Order(StringComparer.Ordinal)];

    public static string PathOf(string overlay) => Path.Combine(Root, "overlays", overlay);

    /// <summary>What the chart makes of an overlay's values.</summary>
    public static async Task<Rendering> Render(string overlay)
    {
        var values = await File.ReadAllTextAsync(Path.Combine(PathOf(overlay), "values.yaml"));
        var rendering = await Helm.Oldest.Render(new(overlay, [values], Namespace: "lavka"));
        return rendering with { Objects = [.. rendering.Objects.Where(one => !one.IsHook)] };
    }

    /// <summary>The files as they should be, by their path in the folder.</summary>
    public static async Task<SortedDictionary<string, string>> Files()
    {
        var files = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var renderings = await Task.WhenAll(Overlays.Select(Render));
        var common = renderings.Select(rendering => rendering.Objects.Select(Neutral)).Aggregate((one, other) => one.Intersect(other)).ToHashSet();
        Add(files, "base", renderings[^1].Objects.Where(one => common.Contains(Neutral(one))).Select(one => ChecksumLines().Replace(one.Yaml, "")));
        foreach (var rendering in renderings)
        {
            var folder = $"overlays/{rendering.Case}";
            Add(files, folder, rendering.Objects.Where(one => !common.Contains(Neutral(one))).Select(one => one.Yaml));

            var checksum = rendering.OfKind("Deployment").Select(one => one.Pod!.Annotations[Checksum]).Distinct().Single();
            files.Add($"{folder}/checksum.yaml", $"- op: add\n  path: /spec/template/metadata/annotations/{Checksum.Replace("/", "~1", StringComparison.Ordinal)}\n  value: {checksum}\n");
        }

        return files;
    }

    /// <summary>The files that are there.</summary>
    public static SortedDictionary<string, string> FilesThere() => new(
        Directory.EnumerateFiles(Root, "*.yaml", SearchOption.AllDirectories).Where(file => !ByHand.Contains(Path.GetFileName(file)))
            .ToDictionary(file => Path.GetRelativePath(Root, file).Replace(Path.DirectorySeparatorChar, '/'), file => File.ReadAllText(file).ReplaceLineEndings("\n")),
        StringComparer.Ordinal);

    public static async Task Write()
    {
        // First: what cannot be rendered leaves the files as they are.
        var files = await Files();
        foreach (var file in FilesThere().Keys)
        {
            File.Delete(Path.Combine(Root, file));
        }

        foreach (var (file, text) in files)
        {
            await File.WriteAllTextAsync(Path.Combine(Root, file), text);
        }
    }

    // Secrets are no manifests: whoever reads them has them.
    private static void Add(SortedDictionary<string, string> files, string folder, IEnumerable<string> objects)
    {
        foreach (var kind in objects.Where(yaml => KindLine().Match(yaml).Groups[1].Value != "Secret").GroupBy(yaml => KindLine().Match(yaml).Groups[1].Value))
        {
            files.Add($"{folder}/{kind.Key.ToLowerInvariant()}.yaml", string.Join("---\n", kind.Select(yaml => TrailingSpace().Replace(SourceLine().Replace(yaml, ""), "") + "\n")));
        }
    }

    private static string Neutral(KubeObject one)
    {
        var json = one.Json.DeepClone();
        if (one.Kind == "Deployment")
        {
            ((JsonObject)json["spec"]!).Remove("replicas");
            ((JsonObject)json.At("spec.template.metadata.annotations")!).Remove(Checksum);
        }

        return json.ToJsonString();
    }

    [GeneratedRegex("^kind: (.+)$", RegexOptions.Multiline)]
    private static partial Regex KindLine();

    [GeneratedRegex("^# Source: .*\n", RegexOptions.Multiline)]
    private static partial Regex SourceLine();

    [GeneratedRegex("( +# [^\n]*\n)? +checksum/dapr: [^\n]*\n")]
    private static partial Regex ChecksumLines();

    [GeneratedRegex("[ \t]+$", RegexOptions.Multiline)]
    private static partial Regex TrailingSpace();
}
