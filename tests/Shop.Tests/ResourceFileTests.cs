using System.Text.Json;
using System.Text.Json.Nodes;
using Lavka.Run;
using Lavka.Testing;

namespace Lavka.Shop.Tests;

/// <summary>The files in components/ and dapr.yaml, against what Dapr takes: whoever runs the shop on daprd is not the first to try them.</summary>
public sealed class ResourceFileTests
{
    private const string Broker = """
        apiVersion: dapr.io/v1alpha1
        kind: Component
        metadata:
          name: pubsub
        spec:
          type: pubsub.kafka
          version: v1
          metadata:
          - name: brokers
            value: localhost:9092
          - name: authType
            value: none
        """;

    // It stands beside a file.
    private static readonly string Apart = Path.Combine("rabbitmq", "pubsub-apart.yaml");

    private static readonly string Components = Path.Combine(Repository.Root, "components");

    private static readonly IReadOnlyList<AppSpec> Apps = RunFile.Load(Path.Combine(Repository.Root, "dapr.yaml"));

    private static readonly IReadOnlyList<string> Paths = [.. Directory.EnumerateFiles(Components, "*.yaml", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(Components, file)).Order(StringComparer.Ordinal)];

    public static TheoryData<string> Files => [.. Paths];

    [Theory]
    [MemberData(nameof(Files))]
    public void Dapr_takes_every_file(string file) => Assert.Empty(DaprResources.Problems(Read(file)));

    [Theory]
    [MemberData(nameof(Files))]
    public void What_is_commented_out_would_be_taken_too(string file)
    {
        Assert.Empty(DaprResources.DisguisedYaml(Read(file)));
        Assert.All(DaprResources.WithAlternatives(Read(file)), text => Assert.Empty(DaprResources.Problems(text, alternatives: true)));
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void What_takes_a_file_s_place_has_its_name(string file)
    {
        if (file == Apart)
        {
            return;
        }

        var (one, other) = (YamlJson.Documents(Read(file))[0], YamlJson.Documents(Read($"local/{Path.GetFileName(file)}"))[0]);

        foreach (var part in new[] { "kind", "metadata", "scopes" })
        {
            Assert.Equal(other.TryGetProperty(part, out var expected) ? expected.GetRawText() : null, one.TryGetProperty(part, out var actual) ? actual.GetRawText() : null);
        }
    }

    [Theory]
    [InlineData("components/rabbitmq")]
    [InlineData("compose")]
    public void With_RabbitMq_each_topic_has_a_component_of_its_own_which_is_as_pubsub(string folder)
    {
        // Which those are a test keeps the document equal to.
        var topics = JsonNode.Parse(File.ReadAllText(Path.Combine(Repository.Root, "docs", "asyncapi.json")))!["channels"]!.AsObject().Select(channel => channel.Key).Append("dead-letters").Select(topic => $"pubsub-{topic}");
        string Text(string file) => File.ReadAllText(Path.Combine(Repository.Root, folder, file));
        string Component(string name) => YamlJson.Nodes(Text("pubsub.yaml")).Single()!.ToJsonString().Replace("\"name\":\"pubsub\"", $"\"name\":\"{name}\"", StringComparison.Ordinal);

        Assert.Equal(topics.Select(Component).Order(StringComparer.Ordinal), YamlJson.Nodes(Text("pubsub-apart.yaml")).Select(node => node!.ToJsonString()).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void With_RabbitMq_the_dashboard_is_told_the_same_through_them() =>
        Assert.Equal(YamlJson.Nodes(Read("local/subscriptions.yaml")).Select(node =>
        {
            var spec = node!["spec"]!.AsObject();
            spec["pubsubname"] = $"pubsub-{spec["topic"]}";
            return node.ToJsonString();
        }), YamlJson.Nodes(Read("rabbitmq/subscriptions.yaml")).Select(node => node!.ToJsonString()));

    [Fact]
    public void What_is_commented_out_is_found()
    {
        var alternatives = Paths.Sum(file => DaprResources.WithAlternatives(Read(file)).Count());

        Assert.True(alternatives >= 15, $"There are {alternatives}.");
    }

    [Fact]
    public void The_Dapr_CLI_takes_dapr_yaml() => Assert.Null(DaprResources.RunFileProblem(File.ReadAllText(Path.Combine(Repository.Root, "dapr.yaml"))));

    [Fact]
    public void Scopes_and_targets_name_what_there_is()
    {
        var documents = Paths.SelectMany(file => YamlJson.Documents(Read(file))).ToList();
        var apps = Apps.Select(app => app.AppId).ToHashSet();
        var components = documents.Where(document => document.GetProperty("kind").GetString() == "Component").Select(document => document.GetProperty("metadata").GetProperty("name").GetString()!).ToHashSet();

        foreach (var document in documents)
        {
            Assert.Empty((document.TryGetProperty("scopes", out var scopes) ? scopes.EnumerateArray().Select(scope => scope.GetString()!) : []).Except(apps));
        }

        var resiliency = documents.Single(document => document.GetProperty("kind").GetString() == "Resiliency").GetProperty("spec");
        var (policies, targets) = (resiliency.GetProperty("policies"), resiliency.GetProperty("targets"));

        // An app with a policy of its own would lose Dapr's own retries, and with them the end of an address where nobody answers (pkg/messaging/direct_messaging.go).
        Assert.False(targets.TryGetProperty("apps", out _));
        Assert.Subset(Names(policies, "timeouts").Concat(Names(policies, "retries")).ToHashSet(), new HashSet<string> { "DefaultAppRetryPolicy", "DaprBuiltInServiceRetries" });

        // After a timeout Dapr repeats even what it streams.
        Assert.DoesNotContain("DefaultAppTimeoutPolicy", Names(policies, "timeouts"));
        Assert.DoesNotContain("DefaultTimeoutPolicy", Names(policies, "timeouts"));
        Assert.Subset(components, Names(targets, "components"));
        Assert.Empty(Used(targets, "timeout").Except(Names(policies, "timeouts")));
        Assert.Empty(Used(targets, "retry").Except(Names(policies, "retries")));
        Assert.All(documents.Where(document => document.GetProperty("kind").GetString() == "Subscription"), document => Assert.Contains(document.GetProperty("spec").GetProperty("pubsubname").GetString()!, components));
    }

    [Theory]
    [InlineData("spec:", "specs:", "'': Required properties [\"spec\"] are not present")]
    [InlineData("  version: v1", "  version: v1\n  ignoreError: true", "'/spec/ignoreError': All values fail against the false schema")]
    [InlineData("  version: v1", "  version: 1", "'/spec/version': Value is \"integer\" but should be \"string\"")]
    [InlineData("  version: v1", "  version: v2", "pubsub.kafka has no version v2")]
    [InlineData("pubsub.kafka", "pubsub.kafak", "the type pubsub.kafak is unknown")]
    [InlineData("dapr.io/v1alpha1", "dapr.io/v1", "the kind 'dapr.io/v1 Component' is unknown")]
    [InlineData("name: authType", "name: authTyp", "pubsub.kafka does not start without authType")]
    [InlineData("name: authType", "name: authType\n    values: x", "'/spec/metadata/1/values': All values fail against the false schema")]
    [InlineData("value: none", "value: none\n  - name: initialOfset\n    value: oldest", "pubsub.kafka has no metadata field initialOfset")]
    [InlineData("value: none", "value: none\n  - name: Brokers\n    value: other", "pubsub.kafka has brokers twice")]
    [InlineData("value: none", "value: [none]", "'/spec/metadata/1/value': Value is \"array\" but should be")]
    [InlineData("value: none", "secretKeyRef: {name: x}", "pubsub.kafka refers to a secret, and auth.secretStore is missing")]
    [InlineData("    value: none", "", "pubsub.kafka has authType without a value")]
    [InlineData("kind: Component", "kind: Component: x", "line 2 is no YAML")]
    public void A_mistake_is_named(string right, string wrong, string problem)
    {
        Assert.Empty(DaprResources.Problems(Broker));

        Assert.Contains(DaprResources.Problems(Broker.Replace(right, wrong, StringComparison.Ordinal)), one => one.StartsWith(problem, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("  #- name: initialOfset\n  #  value: oldest", "pubsub.kafka has no metadata field initialOfset")]
    [InlineData("  #- name: version\n  #   value: 2.1.0", "line 15 is no YAML")]
    [InlineData("#autth:\n#  secretStore: x", "'/autth': All values fail against the false schema")]
    public void A_mistake_that_is_commented_out_is_named(string lines, string problem)
    {
        var text = $"{Broker}\n  # With a comment.\n{lines}\n  # And another.";

        Assert.Empty(DaprResources.Problems(text));
        Assert.StartsWith(problem, Assert.Single(DaprResources.Problems(Assert.Single(DaprResources.WithAlternatives(text)), alternatives: true)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("  # - name: version", true)]
    [InlineData("  # value: oldest", true)]
    [InlineData("  # The value: the oldest there is.", false)]
    [InlineData("  #- name: version", false)]
    public void Yaml_in_a_comment_of_text_is_named(string line, bool isNamed) => Assert.Equal(isNamed, DaprResources.DisguisedYaml(line).Any());

    [Theory]
    [InlineData("daprHTTPPort", "daprHttpPort", "'/apps/0/daprHttpPort': All values fail against the false schema")]
    [InlineData("appPort: 8080", "appPort: \"8080\"", "'/apps/0/appPort': Value is \"string\" but should be \"integer\"")]
    [InlineData("resourcesPath:", "resourcePath:", "'/common/resourcePath': All values fail against the false schema")]
    [InlineData("version: 1", "version: 2", "'/version': Expected \"1\"")]
    public void A_mistake_in_a_run_file_is_named(string right, string wrong, string problem) =>
        Assert.StartsWith(problem, DaprResources.RunFileProblem(File.ReadAllText(Path.Combine(Repository.Root, "dapr.yaml")).Replace(right, wrong, StringComparison.Ordinal)), StringComparison.Ordinal);

    private static string Read(string file) => File.ReadAllText(Path.Combine(Components, file));

    private static HashSet<string> Names(JsonElement of, string name) => of.TryGetProperty(name, out var map) ? [.. map.EnumerateObject().Select(member => member.Name)] : [];

    /// <summary>The policies that targets name, of one sort.</summary>
    private static IEnumerable<string> Used(JsonElement of, string sort) => of.EnumerateObject().SelectMany(member =>
        member.Value.ValueKind == JsonValueKind.Object ? Used(member.Value, sort) : member.Name == sort ? [member.Value.GetString()!] : []);
}
