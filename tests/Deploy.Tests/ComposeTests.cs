using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Lavka.Testing;

namespace Lavka.Deploy.Tests;

/// <summary>docker-compose.yaml, against the run file, the Dockerfiles and the components.</summary>
public sealed partial class ComposeTests
{
    private const string File = "docker-compose.yaml";

    private static readonly string[] Servers = ["jaeger", "placement", "postgres", "rabbitmq", "scheduler"];

    private static readonly JsonNode Compose = DeployFiles.Yaml(File);

    private static readonly Dictionary<string, JsonNode> Services = Compose["services"]!.AsObject().ToDictionary(service => service.Key, service => service.Value!);

    public static TheoryData<string, string> Apps
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var app in ServiceCode.Apps)
            {
                data.Add(app.Id, app.Folder);
            }

            return data;
        }
    }

    public static TheoryData<string> AppIds => [.. ServiceCode.Apps.Select(app => app.Id)];

    [NodeFact(Node.Folder)]
    public async Task Compose_takes_the_file()
    {
        Assert.Empty(await Linter.Problems("compose", DeployFiles.Text(File)));
        Assert.Single(await Linter.Problems("compose", "services:\n  orders:\n    imag: orders\n"));
    }

    [Fact]
    public void The_services_are_the_apps_of_the_run_file_with_their_sidecars_and_what_they_need() =>
        Assert.Equal(ServiceCode.Apps.SelectMany(app => new[] { app.Id, $"{app.Id}-dapr" }).Concat(Servers).Order(), Services.Keys.Order());

    [Theory]
    [MemberData(nameof(Apps))]
    public void A_service_is_built_from_its_Dockerfile_and_may_do_little(string appId, string folder)
    {
        var (service, dockerfile) = (Services[appId], Dockerfile.Of(folder));

        Assert.Equal($"ghcr.io/lavka/{appId}:{DeployFiles.Yaml("helm/lavka/Chart.yaml")["appVersion"]}", WithDefaults(Text(service["image"])));
        Assert.Equal(".", Text(service["build"]!["context"]));
        Assert.Equal(dockerfile.Path, Text(service["build"]!["dockerfile"]));
        Assert.Equal(dockerfile.ServiceOf(folder), (string?)service["build"]!["args"]?["SERVICE"]);
        Assert.True((bool)service["read_only"]!);
        Assert.Equal(["ALL"], Texts(service["cap_drop"]));
        Assert.Null(service["restart"]);
    }

    [Theory]
    [MemberData(nameof(Apps))]
    public void A_sidecar_is_in_its_service_s_network_and_knows_its_port_and_its_token(string appId, string folder)
    {
        var (service, sidecar) = (Services[appId], Services[$"{appId}-dapr"]);
        var flags = Flags(sidecar);

        Assert.Equal($"service:{appId}", Text(sidecar["network_mode"]));
        Assert.Equal(appId, flags["--app-id"]);
        Assert.Equal(Dockerfile.Of(folder).Final.All("EXPOSE").Single().Text, flags["--app-port"]);
        Assert.Equal(ServiceCode.Apps.Single(app => app.Id == appId).Protocol, flags.GetValueOrDefault("--app-protocol", "http"));
        Assert.StartsWith("${APP_API_TOKEN", Text(service["environment"]!["APP_API_TOKEN"]), StringComparison.Ordinal);
        Assert.StartsWith("${APP_API_TOKEN", Text(sidecar["environment"]!["APP_API_TOKEN"]), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(AppIds))]
    public void A_sidecar_has_every_resource_of_components(string appId)
    {
        var sidecar = Services[$"{appId}-dapr"];
        var flags = Flags(sidecar);
        var mounts = Texts(sidecar["volumes"]).Select(volume => volume.Split(':')).ToDictionary(parts => parts[1], parts => parts[0]);
        var resources = Directory.EnumerateFiles(Path.Combine(Repository.Root, "components", "local"), "*.yaml").Append("pubsub-apart.yaml").Select(file => $"{flags["--resources-path"]}/{Path.GetFileName(file)}");
        var secrets = DeployFiles.Yaml("components/local/secretstore.yaml")["spec"]!["metadata"]!.AsArray().Single(field => Text(field!["name"]) == "secretsFile")!["value"];

        Assert.Equal(resources.Append(flags["--config"]).Append(Path.GetFullPath(Text(secrets), Text(sidecar["working_dir"]))).Order(), mounts.Keys.Order());
        Assert.All(mounts, mount => Assert.True(System.IO.File.Exists(Path.Combine(Repository.Root, mount.Value)), mount.Value));
        Assert.All(mounts, mount => Assert.Equal(Path.GetFileName(mount.Key), Path.GetFileName(mount.Value)));
    }

    [Theory]
    [InlineData("pubsub.yaml", "components/rabbitmq/pubsub.yaml")]
    [InlineData("statestore.yaml", "components/postgresql/statestore.yaml")]
    public void Broker_and_database_are_those_of_components_at_another_address(string file, string model)
    {
        var (one, other) = (DeployFiles.Yaml($"compose/{file}"), DeployFiles.Yaml(model));
        Assert.NotEqual(ConnectionString(one), ConnectionString(other));

        Field(one)["value"] = ConnectionString(other);

        Assert.Equal(other.ToJsonString(), one.ToJsonString());
    }

    [Fact]
    public void Dapr_takes_the_resources() =>
        Assert.All(DeployFiles.Named("*.yaml", "compose"), file => Assert.Empty(DaprResources.Problems(DeployFiles.Text(file))));

    [Fact]
    public void Addresses_are_of_services_and_passwords_those_that_they_get()
    {
        var (rabbit, postgres) = (Services["rabbitmq"]["environment"]!, Services["postgres"]["environment"]!);

        Assert.Equal($"amqp://{rabbit["RABBITMQ_DEFAULT_USER"]}:{rabbit["RABBITMQ_DEFAULT_PASS"]}@rabbitmq:5672", ConnectionString(DeployFiles.Yaml("compose/pubsub.yaml")));
        Assert.StartsWith(
            $"host=postgres port=5432 user={postgres["POSTGRES_USER"]} password={postgres["POSTGRES_PASSWORD"]} database={postgres["POSTGRES_DB"]} ",
            ConnectionString(DeployFiles.Yaml("compose/statestore.yaml")), StringComparison.Ordinal);

        var traces = Text(DeployFiles.Yaml("compose/configuration.yaml")["spec"]!["tracing"]!["otel"]!["endpointAddress"]);
        Assert.All(ServiceCode.Apps, app => Assert.Equal($"http://{traces}", Text(Services[app.Id]["environment"]!["OTEL_EXPORTER_OTLP_ENDPOINT"])));

        // The ports are the defaults of Dapr's services, which are told no others.
        var flags = Flags(Services["orders-dapr"]);
        Assert.Equal(["jaeger:4317", "placement:50005", "scheduler:50006"], [traces, flags["--placement-host-address"], flags["--scheduler-host-address"]]);
        Assert.All(new[] { "placement", "scheduler" }, name => Assert.DoesNotContain("--port", Flags(Services[name]).Keys));
    }

    [Fact]
    public void Only_the_shop_and_two_pages_are_published_and_only_to_this_machine()
    {
        var ports = Services.SelectMany(service => Texts(service.Value["ports"]).Select(port => (service.Key, port)));

        Assert.Equal([("gateway", "127.0.0.1:8080:8080"), ("jaeger", "127.0.0.1:16686:16686"), ("rabbitmq", "127.0.0.1:15672:15672")], ports.Order());
    }

    [Fact]
    public void Images_are_of_versions_and_Dapr_s_of_one()
    {
        var images = Services.Values.Select(service => WithDefaults(Text(service["image"]))).Distinct().ToList();

        Assert.All(images, image => Assert.True(DeployFiles.HasVersion(image), image));
        Assert.Single(images.Where(image => image.StartsWith("daprio/", StringComparison.Ordinal)).Select(image => image.Split(':')[1]).Distinct());
        Assert.Equal(3, images.Count(image => image.StartsWith("daprio/", StringComparison.Ordinal)));
    }

    [Fact]
    public void Who_is_waited_for_is_there_and_whose_health_is_waited_for_tells_it()
    {
        var awaited = Services.Values.SelectMany(service => service["depends_on"]?.AsObject() ?? []).Select(one => (one.Key, Condition: Text(one.Value!["condition"]))).Distinct().ToList();

        Assert.NotEmpty(awaited);
        Assert.All(awaited, one => Assert.Equal(one.Condition == "service_healthy", Services[one.Key]["healthcheck"] is not null));
    }

    [Fact]
    public void Volumes_are_declared()
    {
        var used = Services.Values.SelectMany(service => Texts(service["volumes"])).Select(volume => volume.Split(':')[0]).Where(source => !source.StartsWith('.'));

        Assert.Equal(Compose["volumes"]!.AsObject().Select(volume => volume.Key).Order(), used.Order());
    }

    [Fact]
    public void The_env_file_has_every_variable_without_a_default()
    {
        var needed = Variable().Matches(DeployFiles.Text(File)).Where(match => !match.Groups["rest"].Value.StartsWith(":-", StringComparison.Ordinal)).Select(match => match.Groups["name"].Value).Distinct();
        var given = DeployFiles.Text(".env").Split('\n').Where(line => line.Contains('=')).Select(line => line.Split('=')[0]);

        Assert.Equal(given, needed);
    }

    private static Dictionary<string, string> Flags(JsonNode service) =>
        Texts(service["entrypoint"]).Concat(Texts(service["command"])).Where(word => word.StartsWith("--", StringComparison.Ordinal)).Select(word => word.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]);

    private static JsonNode Field(JsonNode component) => component["spec"]!["metadata"]!.AsArray().Single(field => Text(field!["name"]) == "connectionString")!;

    private static string ConnectionString(JsonNode component) => Text(Field(component)["value"]);

    private static string WithDefaults(string text) => Variable().Replace(text, match => match.Groups["rest"].Value.TrimStart(':', '-'));

    private static string Text(JsonNode? node) => (string)node!;

    private static IEnumerable<string> Texts(JsonNode? list) => list?.AsArray().Select(Text) ?? [];

    [GeneratedRegex(@"\$\{(?<name>\w+)(?<rest>[^}]*)\}")]
    private static partial Regex Variable();
}
