using System.Globalization;
using System.Text.Json.Nodes;
using Lavka.Testing;

namespace Lavka.Deploy.Tests;

/// <summary>The chart, against the code it installs and against components/, with which the code is tested.</summary>
public sealed class CodeTests
{
    private static readonly string Components = Path.Combine(Repository.Root, "components");

    // Where something is, and how to get in there: it is another in every cluster.
    private static readonly string[] OfTheCluster =
    [
        "connectionString", "password", "brokers", "authType", "saslUsername", "saslPassword", "saslMechanism", "disableTls", "redisHost", "redisUsername", "redisPassword", "enableTLS",
        "host", "port", "user", "emailFrom", "rootPath",
    ];

    [Fact]
    public void The_services_and_their_ports_are_those_of_dapr_yaml() =>
        Assert.Equal(
            ServiceCode.Apps.Select(app => (app.Id, app.Port)).Order(),
            ((JsonObject)Values.At("services")!).Select(service => (service.Key, service.Value.Number("port")!.Value)).Order());

    [HelmFact]
    public Task Every_service_is_deployed_at_its_port_with_its_protocol() => Renderings.HaveNo(rendering =>
        from app in ServiceCode.Apps
        let pod = rendering.Apps.GetValueOrDefault(app.Id)
        where pod?.Annotations.GetValueOrDefault("dapr.io/app-port") != app.Port.ToString(CultureInfo.InvariantCulture) || pod.Annotations.GetValueOrDefault("dapr.io/app-protocol") != app.Protocol
        select app.ToString());

    [Fact]
    public void A_service_s_topics_are_what_its_code_subscribes_to() =>
        Assert.Equal(
            ServiceCode.Apps.Select(app => $"{app.Id}: {string.Join(' ', ServiceCode.TopicsOf(app.Id))}"),
            ServiceCode.Apps.Select(app => $"{app.Id}: {string.Join(' ', Values.Texts($"services.{app.Id}.topics").Order(StringComparer.Ordinal))}"));

    [HelmFact]
    public Task Every_component_is_there_for_whoever_uses_it_and_for_nobody_else() => Renderings.HaveNo(rendering =>
        from component in ComponentNames
        from app in ServiceCode.Apps
        let found = rendering.Find("Component", component)
        where found is null || ServiceCode.Uses(app.Id, component) != (found.Json.At("scopes") is null || found.Json.Texts("scopes").Contains(app.Id))
        select $"{component}: {app.Id}");

    [HelmFact]
    public Task A_service_reads_the_secrets_it_needs_and_no_other() => Renderings.HaveNo(rendering =>
        from app in ServiceCode.Apps
        let scope = rendering.Find("Configuration", rendering.Apps[app.Id].Annotations["dapr.io/config"])!.Json.Items("spec.secrets.scopes").SingleOrDefault(scope => scope.Text("storeName") == "secretstore")
        where scope.Text("defaultAccess") != "deny" || !scope.Texts("allowedSecrets").Order().SequenceEqual(ServiceCode.SecretsOf(app.Id).Order())
        select $"{app.Id} may read: {scope?.ToJsonString()}; it reads: {string.Join(", ", ServiceCode.SecretsOf(app.Id))}");

    [HelmFact]
    public Task The_environment_of_a_sidecar_has_the_secret_of_its_service() => Renderings.HaveNo(rendering =>
        rendering.Find("Component", "secretstore")!.Json.Text("spec.type") != "secretstores.local.env" ? [] :
        from app in ServiceCode.Apps
        let names = rendering.Apps[app.Id].Annotations.GetValueOrDefault("dapr.io/env-from-secret", "").Split(',', StringSplitOptions.RemoveEmptyEntries).Select(variable => variable.Split('=')[0])
        where !names.SequenceEqual(ServiceCode.SecretsOf(app.Id))
        select $"{app.Id}: {string.Join(", ", names)}");

    [HelmFact]
    public Task A_component_says_what_the_one_in_components_says() => Renderings.HaveNo(rendering =>
        from component in rendering.OfKind("Component")
        let type = component.Json.Text("spec.type")
        let other = ComponentOf(component.Name, type)
        where other is not null && Summary(component.Json) != Summary(other)
        select $"{component}, {type}: {Summary(component.Json)}; in components/: {Summary(other!)}");

    [HelmFact]
    public Task Retries_and_subscriptions_are_those_of_components() => Renderings.HaveNo(rendering =>
        new[] { ("Resiliency", "local/resiliency.yaml"), ("Subscription", IsApart(rendering) ? "rabbitmq/subscriptions.yaml" : "local/subscriptions.yaml") }
            .Where(one => !Specs(rendering.OfKind(one.Item1)).SequenceEqual(Specs(YamlJson.Nodes(File.ReadAllText(Path.Combine(Components, one.Item2))).Select(node => new KubeObject((JsonObject)node!, "")))))
            .Select(one => $"{one.Item1} is not what {one.Item2} says"));

    [HelmFact]
    public Task With_RabbitMq_a_service_listens_to_each_topic_through_a_component_of_its_own_and_through_no_other() => Renderings.HaveNo(rendering =>
        from app in ServiceCode.Apps
        let topics = ServiceCode.TopicsOf(app.Id).ToList()

        // Loyalty, in JavaScript, listens to one, and to no dead letters.
        let expected = IsApart(rendering) && topics.Count > 0 && app.Id != "loyalty" ? topics.Append("dead-letters").Select(topic => $"pubsub-{topic}") : []
        let found = rendering.OfKind("Component").Where(component => component.Name.StartsWith("pubsub-", StringComparison.Ordinal) && component.Json.Texts("scopes").Contains(app.Id)).Select(component => component.Name)
        let word = rendering.Apps[app.Id].Containers.SelectMany(container => container.Items("env")).SingleOrDefault(variable => variable.Text("name") == "SUBSCRIBE_APART").At("valueFrom.configMapKeyRef")
        let told = word is null ? "" : rendering.Find("ConfigMap", word.Text("name"))?.Json.Text($"data.{word.Text("key")}") ?? ""
        where !expected.Order(StringComparer.Ordinal).SequenceEqual(found.Order(StringComparer.Ordinal)) || (told == "true") != expected.Any()
        select $"{app.Id}: {string.Join(' ', found)}, told '{told}'");

    // daprd names RabbitMQ's queues after app id and topic; the groups of Kafka and Redis are the app ids.
    [HelmFact]
    public Task A_service_is_scaled_by_what_waits_in_its_topics() => Renderings.HaveNo(rendering =>
        from scaler in rendering.OfKind("ScaledObject")
        let appId = rendering.Find("Deployment", scaler.Json.Text("spec.scaleTargetRef.name"))!.Pod!.AppId!
        let queues = scaler.Json.Items("spec.triggers").Select(trigger => trigger.At("metadata"))
            .Select(queue => queue.Text("queueName") + $"{queue.Text("consumerGroup")}-{queue.Text("topic")}{queue.Text("stream")}".Trim('-')).Where(queue => queue.Length > 0)
        where !ServiceCode.TopicsOf(appId).Select(topic => $"{appId}-{topic}").SequenceEqual(queues)
        select $"{scaler}: {string.Join(", ", queues)}");

    private static JsonNode Values { get; } = YamlJson.Nodes(File.ReadAllText(Path.Combine(Helm.Chart, "values.yaml"))).Single()!;

    private static bool IsApart(Rendering rendering) => rendering.Find("Component", "pubsub")!.Json.Text("spec.type") == "pubsub.rabbitmq";

    private static IEnumerable<string> ComponentNames => YamlFiles(Path.Combine(Components, "local"), SearchOption.TopDirectoryOnly).Where(node => node.Text("kind") == "Component").Select(node => node.Text("metadata.name"));

    private static JsonNode? ComponentOf(string name, string type) =>
        YamlFiles(Components, SearchOption.AllDirectories).FirstOrDefault(node => node.Text("kind") == "Component" && node.Text("metadata.name") == name && node.Text("spec.type") == type);

    private static IEnumerable<JsonNode> YamlFiles(string folder, SearchOption which) =>
        Directory.EnumerateFiles(folder, "*.yaml", which).Order(StringComparer.Ordinal).SelectMany(file => YamlJson.Nodes(File.ReadAllText(file))).OfType<JsonNode>();

    private static string Summary(JsonNode component) => string.Join(", ", component.Items("spec.metadata").Where(field => !OfTheCluster.Contains(field.Text("name")))
        .Select(field => $"{field.Text("name")}={field.Text("value")}").Order(StringComparer.Ordinal).Prepend(component.Text("spec.initTimeout")).Prepend(component.Text("spec.version")));

    // The chart's Resiliency is named after the release, and for all of its services.
    private static IEnumerable<string> Specs(IEnumerable<KubeObject> objects) => objects
        .Select(one => one.Json.At("spec")!.Sorted().ToJsonString() + (one.Kind == "Resiliency" ? "" : $" {one.Name} {one.Json.At("scopes")!.ToJsonString()}")).Order(StringComparer.Ordinal);
}
