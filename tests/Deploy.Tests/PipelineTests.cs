using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Lavka.Testing;

namespace Lavka.Deploy.Tests;

/// <summary>What GitHub runs, against what there is in the repository.</summary>
public sealed partial class PipelineTests
{
    private const string Workflows = ".github/workflows";

    public static TheoryData<string> Files => [.. DeployFiles.Named("*", Workflows)];

    [NodeFact(Node.Folder)]
    public async Task GitHub_takes_the_workflows()
    {
        Assert.Equal(["chart.yaml", "ci.yaml", "images.yaml"], DeployFiles.Named("*", Workflows).Select(Path.GetFileName).Order());
        foreach (var file in DeployFiles.Named("*", Workflows))
        {
            Assert.Empty(await Linter.Problems("workflow", DeployFiles.Text(file)));
        }

        Assert.Single(await Linter.Problems("workflow", "on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n    - run: echo ${{ githb.ref }}\n"));
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void A_workflow_may_read_alone_and_its_jobs_end(string file)
    {
        var workflow = DeployFiles.Yaml(file);

        Assert.Equal("""{"contents":"read"}""", workflow["permissions"]!.ToJsonString());
        Assert.NotNull(workflow["concurrency"]!["group"]);
        Assert.All(workflow["jobs"]!.AsObject(), job => Assert.InRange((int)(double)job.Value!["timeout-minutes"]!, 1, 120));
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Actions_are_of_a_commit_and_tell_its_version(string file)
    {
        var uses = DeployFiles.Text(file).Split('\n').Where(line => line.Contains("uses:", StringComparison.Ordinal)).ToList();

        Assert.NotEmpty(uses);
        Assert.All(uses, line => Assert.Matches(@"^    - uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line));
    }

    [Fact]
    public void One_action_has_one_version() =>
        Assert.All(DeployFiles.Named("*", Workflows).SelectMany(file => Action().Matches(DeployFiles.Text(file))).GroupBy(match => match.Groups[1].Value), action => Assert.Single(action.Select(match => match.Value).Distinct()));

    [Fact]
    public void CI_runs_what_we_run() => Assert.EndsWith(" .ci/run", Steps("ci.yaml", "test").Select(step => (string?)step["run"]).Last(), StringComparison.Ordinal);

    [Fact]
    public void Every_app_of_the_run_file_gets_its_image()
    {
        var matrix = DeployFiles.Yaml($"{Workflows}/images.yaml")["jobs"]!["image"]!["strategy"]!["matrix"]!["include"]!.AsArray();

        Assert.Equal(
            ServiceCode.Apps.Select(app => (app.Id, Dockerfile.Of(app.Folder).Path, Dockerfile.Of(app.Folder).ServiceOf(app.Folder))).Order(),
            matrix.Select(image => ((string)image!["app"]!, (string)image["file"]!, (string?)image["service"])).Order());
    }

    [Fact]
    public void Images_are_published_where_the_chart_and_compose_look_for_them()
    {
        var images = (string)DeployFiles.Yaml($"{Workflows}/images.yaml")["env"]!["IMAGES"]!;

        Assert.Equal(images, (string)DeployFiles.Yaml("helm/lavka/values.yaml")["image"]!["registry"]!);
        Assert.Equal($"{images}/charts", (string)DeployFiles.Yaml($"{Workflows}/chart.yaml")["env"]!["CHARTS"]!);
        Assert.Equal($"${{REGISTRY:-{images}}}/orders:${{TAG:-{DeployFiles.Yaml("helm/lavka/Chart.yaml")["appVersion"]}}}", (string)DeployFiles.Yaml("docker-compose.yaml")["services"]!["orders"]!["image"]!);
    }

    [Fact]
    public void Only_for_tags_anything_is_published_and_signed()
    {
        foreach (var file in DeployFiles.Named("*", Workflows))
        {
            var workflow = DeployFiles.Yaml(file);
            var publishes = PublishingWords().IsMatch(DeployFiles.Text(file));

            Assert.Equal(Path.GetFileName(file) != "ci.yaml", publishes);
            Assert.Equal(publishes, workflow["on"]!.ToJsonString() == """{"push":{"tags":["v*"]}}""");
            Assert.All(workflow["jobs"]!.AsObject(), job => Assert.Equal(publishes, job.Value!["permissions"] is not null));
        }
    }

    [Fact]
    public void CI_makes_all_images_and_starts_each_as_the_chart_does()
    {
        var script = DeployFiles.Text(".ci/images");

        Assert.Equal([".ci/images"], Steps("ci.yaml", "images").Select(step => (string?)step["run"]).OfType<string>());
        Assert.All(new[] { "--read-only --read-only-tmpfs=false", "--cap-drop all", "--security-opt no-new-privileges", "for folder in services/*/; do" }, words => Assert.Contains(words, script, StringComparison.Ordinal));
    }

    [Fact]
    public void The_chart_that_is_published_is_ours()
    {
        var runs = string.Join('\n', Steps("chart.yaml", "chart").Select(step => (string?)step["run"]));

        Assert.Equal("lavka", (string)DeployFiles.Yaml("helm/lavka/Chart.yaml")["name"]!);
        Assert.Contains("helm lint helm/lavka ", runs, StringComparison.Ordinal);
        Assert.Contains("helm package helm/lavka ", runs, StringComparison.Ordinal);
        Assert.Contains("helm push lavka-*.tgz ", runs, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("npm", "package.json")]
    [InlineData("docker", "Dockerfile")]
    [InlineData("docker-compose", "docker-compose.yaml")]
    [InlineData("nuget", "Directory.Packages.props")]
    [InlineData("dotnet-sdk", "global.json")]
    public void Dependabot_looks_wherever_there_is_something_to_update(string ecosystem, string file)
    {
        var update = DeployFiles.Yaml(".github/dependabot.yml")["updates"]!.AsArray().Single(update => (string)update!["package-ecosystem"]! == ecosystem)!;
        var folders = update["directories"]?.AsArray().Select(folder => (string)folder!) ?? [(string)update["directory"]!];

        Assert.Equal(DeployFiles.Named(file).Select(path => $"/{Path.GetDirectoryName(path)}".Replace('\\', '/')).Order(), folders.Order());
    }

    private static IEnumerable<JsonNode> Steps(string file, string job) => DeployFiles.Yaml($"{Workflows}/{file}")["jobs"]![job]!["steps"]!.AsArray().Select(step => step!);

    [GeneratedRegex(@"uses: (\S+)@.*")]
    private static partial Regex Action();

    [GeneratedRegex("login-action|cosign|helm push|push: true|packages: write")]
    private static partial Regex PublishingWords();
}
