using System.Text.Json;
using System.Text.RegularExpressions;
using Lavka.Testing;

namespace Lavka.Deploy.Tests;

/// <summary>The chart, by every version of Helm it is for: it renders, to what Kubernetes and Dapr take.</summary>
public sealed partial class ChartTests
{
    public static TheoryData<string> Versions => [.. Helm.All.Select(helm => helm.ToString())];

    [HelmTheory]
    [MemberData(nameof(Versions))]
    public async Task Helm_finds_nothing_wrong_with_it(string version)
    {
        var lints = await Task.WhenAll(Cases.All.Select(Helm.Of(version).Lint));

        Assert.All(lints, lint => Assert.True(lint.ExitCode == 0, lint.Output + lint.Error));
    }

    [HelmFact]
    public async Task Every_version_of_Helm_renders_the_same()
    {
        foreach (var @case in Cases.All)
        {
            Assert.Equal([], (await Helm.Oldest.Render(@case)).DifferencesFrom(await Helm.Newest.Render(@case)));
        }
    }

    [HelmFact]
    public async Task Kubernetes_takes_every_object_as_it_is()
    {
        var objects = (await Cases.Rendered()).SelectMany(rendering => rendering.Objects).Where(one => !one.IsDapr).Select(one => one.Json.ToJsonString()).Distinct();

        var check = await Node.Run("check-objects.mjs", $"[{string.Join(',', objects)}]");

        Assert.True(check.Length == 0, check);
    }

    [HelmFact]
    public Task Dapr_takes_every_resource_as_it_is() => Renderings.HaveNo(rendering =>
        from resource in rendering.Objects
        where resource.IsDapr
        from problem in DaprResources.KubernetesProblems(JsonSerializer.SerializeToElement(resource.Json))
        select $"{resource}: {problem}");

    [HelmFact]
    public async Task A_mistake_in_an_object_is_named()
    {
        const string Deployment = """
            apiVersion: apps/v1
            kind: Deployment
            metadata: { name: right }
            spec:
              replicas: 1
              selector: { matchLabels: { a: b } }
              template: { metadata: { labels: { a: b } }, spec: { containers: [{ name: c, resources: { limits: { cpu: 50m } } }] } }
            """;
        (string Right, string Wrong, string Problem)[] mistakes =
        [
            ("replicas: 1", "replica: 1", "spec.replica: Object literal may only specify known properties"),
            ("replicas: 1", "replicas: one", "spec.replicas: must be integer"),
            ("name: c, ", "", "spec.template.spec.containers.0: must have required property name"),
            ("cpu: 50m", "cpu: much", "spec.template.spec.containers.0.resources.limits.cpu: must match format \"quantity\""),
            ("kind: Deployment", "kind: Deploymint", "the object: the kind 'apps/v1 Deploymint' is unknown"),
        ];
        var objects = mistakes.Select((mistake, i) => Deployment.Replace(mistake.Right, mistake.Wrong, StringComparison.Ordinal).Replace("right", $"wrong-{i}", StringComparison.Ordinal)).Prepend(Deployment);

        var check = await Node.Run("check-objects.mjs", $"[{string.Join(',', objects.Select(yaml => YamlJson.Nodes(yaml).Single()!.ToJsonString()))}]");

        Assert.DoesNotContain("/right", check, StringComparison.Ordinal);
        Assert.All(mistakes.Index(), mistake => Assert.Contains($"/wrong-{mistake.Index}: {mistake.Item.Problem}", check, StringComparison.Ordinal));
    }

    [HelmFact]
    public async Task The_notes_name_what_there_is()
    {
        // Helm shows the notes at an installation alone, so a template shows them here.
        using var folder = new TempFolder();
        foreach (var file in Directory.EnumerateFiles(Helm.Chart, "*", SearchOption.AllDirectories))
        {
            folder.Write(Path.GetRelativePath(Helm.Chart, file), await File.ReadAllTextAsync(file));
        }

        folder.Write("templates/notes.yaml", """
            apiVersion: v1
            kind: Notes
            metadata: { name: notes }
            text: {{ include (print $.Template.BasePath "/NOTES.txt") . | toJson }}
            """);

        foreach (var @case in Cases.All)
        {
            var command = await Helm.Oldest.Template(@case, folder.Path);
            Assert.True(command.ExitCode == 0, command.Error);
            var rendering = Rendering.Parse(@case, command.Output);
            var notes = rendering.OfKind("Notes").Single().Json.Text("text");

            Assert.Contains(@case.Release, notes, StringComparison.Ordinal);
            Assert.All(Named().Matches(notes), match => Assert.True(
                rendering.Objects.Any(one => one.Kind.Equals(match.Groups["kind"].Value, StringComparison.OrdinalIgnoreCase) && one.Name == match.Groups["name"].Value) || @case.Gives(match.Groups["name"].Value),
                $"{@case}: there is no {match.Value}"));
            Assert.All(Namespaces().Matches(notes), match => Assert.Equal(@case.Namespace, match.Groups[1].Value));
        }
    }

    // Dapr's own chart lets pods start without a sidecar while its injector is away, and asks for no processor time (charts/dapr/README.md).
    [Theory]
    [InlineData("docs/operations.md", "dapr_sidecar_injector.webhookFailurePolicy=Fail")]
    [InlineData("docs/operations.md", "dapr_operator.watchInterval=1m")]
    [InlineData("docs/operations.md", "' --set dapr_%s.resources.requests.cpu=100m' operator sentry scheduler placement sidecar_injector")]
    [InlineData("docs/operations.md", "Helm is 3.14 or newer")]
    [InlineData("README.md", "Helm is 3.14 or newer")]
    [InlineData("README.md", "-f helm/lavka/values-small.yaml")]
    [InlineData("README.md", "docker compose build --push")]
    [InlineData("helm/lavka/README.md", "Helm 3.14 or newer")]
    public void The_documents_install_what_holds(string document, string words) => Assert.Contains(words, DeployFiles.Text(document), StringComparison.Ordinal);

    [GeneratedRegex(@"\b(?<kind>secret|service|deployment)[ /](?<name>[a-z0-9][-a-z0-9]*)")]
    private static partial Regex Named();

    [GeneratedRegex(@"-n ([-a-z0-9]+)")]
    private static partial Regex Namespaces();
}
