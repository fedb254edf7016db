using System.Text.Json.Nodes;
using Lavka.Testing;

namespace Lavka.Deploy.Tests;

/// <summary>Values that are wrong are refused, by every version of Helm, with an error that names the value.</summary>
public sealed class ValuesTests
{
    [HelmTheory]
    [InlineData("imagee: {}", "Additional property imagee is not allowed")]
    [InlineData("image: { tag: latest }", "image.tag")]
    [InlineData("image: { pullPolicy: Sometimes }", "image.pullPolicy must be one of the following")]
    [InlineData("services: { orderz: { port: 1 } }", "services: Additional property orderz is not allowed")]
    [InlineData("services: { orders: null }", "services: orders is required")]
    [InlineData("services: { orders: { prot: 1 } }", "services.orders: Additional property prot is not allowed")]
    [InlineData("services: { orders: { port: 70000 } }", "services.orders.port: Must be less than or equal to 65535")]
    [InlineData("services: { orders: { topics: [] } }", "services.orders.topics: Array must have at least 1 items")]
    [InlineData("services: { orders: { secret: other } }", "services.orders.secret must be one of the following")]
    [InlineData("services: { orders: { env: { A: 1 } } }", "services.orders.env.A: Invalid type")]
    [InlineData("services: { orders: { digest: sha256:12 } }", "services.orders.digest: Does not match")]
    [InlineData("services: { orders: { autoscaling: { enabled: true, minReplicas: 5, maxReplicas: 2 } } }", "services.orders.autoscaling.minReplicas")]
    [InlineData("defaults: { replicas: 0 }", "defaults.replicas: Must be greater than or equal to 1")]
    [InlineData("defaults: { resources: { limits: { cpu: much } } }", "defaults.resources.limits.cpu: Does not match")]
    [InlineData("broker: { type: nats }", "broker.type must be one of the following: \"rabbitmq\", \"kafka\", \"redis\"")]
    [InlineData("broker: { rabbitmq: { host: '' } }", "broker.rabbitmq.host: where is it?")]
    [InlineData("broker: { rabbitmq: { password: '' } }", "broker.rabbitmq.password: it is needed")]
    [InlineData("broker: { type: kafka }", "broker.kafka.brokers: where is it?")]
    [InlineData("broker: { type: kafka, kafka: { brokers: k.example } }", "broker.kafka.brokers: Does not match")]
    [InlineData("broker: { type: kafka, kafka: { brokers: 'k.example:9092' } }", "broker.kafka.password: it is needed")]
    [InlineData("state: { type: mysql }", "state.type must be one of the following: \"postgresql\", \"mongodb\", \"redis\"")]
    [InlineData("state: { postgresql: { password: '' } }", "state.postgresql.password: it is needed")]
    [InlineData("state: { postgresql: { sslmode: maybe } }", "state.postgresql.sslmode must be one of the following")]
    [InlineData("state: { type: mongodb }", "state.mongodb.connectionString: where is it?")]
    [InlineData("state: { type: mongodb, mongodb: { connectionString: 'mongodb://m.example' } }", "state.mongodb.connectionString: Does not match")]
    [InlineData("state: { type: redis }", "state.redis.host: where is it?")]
    [InlineData("devBroker: { enabled: 'yes' }", "devBroker.enabled: Invalid type")]
    [InlineData("devBroker: { images: { rabbitmq: docker.io/library/rabbitmq } }", "devBroker.images.rabbitmq")]
    [InlineData("devBroker: { enabled: true }\nbroker: { existingSecret: x }", "broker.existingSecret: the bundled server has a password of its own")]
    [InlineData("devDatabase: { enabled: true }\nstate: { type: mongodb }", "devDatabase.enabled: there is no bundled MongoDB")]
    [InlineData("secrets: { existingSecret: Upper }", "secrets.existingSecret: Does not match")]
    [InlineData("secretStore: { type: vault }", "secretStore.type: Does not match")]
    [InlineData("secretStore: { type: secretstores.kubernetes }", "secretStore.type: Must not validate the schema (not)")]
    [InlineData("ingress: { enabled: true }", "networkPolicy.gatewayFrom: name the namespace of your ingress controller")]
    [InlineData("dapr: { logLevel: loud }", "dapr.logLevel must be one of the following")]
    [InlineData("notifications: { twilio: { from: '+15550100' } }", "notifications.twilio.existingSecret: it is needed")]
    [InlineData("ingress: { host: '' }", "ingress.host: String length")]
    [InlineData("httpRoute: { enabled: true }\nnetworkPolicy: { gatewayFrom: [{ podSelector: {} }] }", "httpRoute.parentRefs: which gateway takes the route?")]
    [InlineData("networkPolicy: { gatewayFrom: [{}] }", "networkPolicy.gatewayFrom.0: Must have at least 1 properties")]
    [InlineData("telemetry: { samplingRate: 0.5 }", "telemetry.samplingRate: Invalid type")]
    [InlineData("telemetry: { samplingRate: '2' }", "telemetry.samplingRate: Does not match")]
    [InlineData("keda: { lag: 0 }", "keda.lag: Must be greater than or equal to 1")]
    [InlineData("monitoring: { prometheusRule: { errorRate: 2 } }", "monitoring.prometheusRule.errorRate: Must be less than or equal to 1")]
    [InlineData("tests: { image: 'docker.io/curlimages/curl:latest' }", "tests.image")]
    [InlineData("fullnameOverride: Shop", "fullnameOverride: Does not match")]
    public async Task An_error_names_the_value(string values, string error)
    {
        foreach (var helm in Helm.All)
        {
            var command = await helm.Template(Cases.Usual with { Values = [.. Cases.Usual.Values, values] }, Helm.Chart);

            Assert.NotEqual(0, command.ExitCode);
            Assert.True(command.Error.Contains(error, StringComparison.Ordinal) || (helm == Helm.Newest && command.Error.Contains(Pointer(error), StringComparison.Ordinal)), command.Error);
        }
    }

    [HelmFact]
    public async Task An_old_Kubernetes_is_refused() =>
        Assert.Contains("kubeVersion: >=1.30", (await Helm.Oldest.Template(Cases.Usual with { KubeVersion = "1.29.9" }, Helm.Chart)).Error, StringComparison.Ordinal);

    [Fact]
    public void The_schema_knows_the_values_there_are_and_no_others()
    {
        var schema = JsonNode.Parse(File.ReadAllText(Path.Combine(Helm.Chart, "values.schema.json")))!;
        var values = YamlJson.Nodes(File.ReadAllText(Path.Combine(Helm.Chart, "values.yaml"))).Single()!;

        // Helm gives every chart the value "global"; and few say how much disk they need.
        Assert.Equal([], Differences(schema, schema, values, "").Where(path => path != ".global" && !path.EndsWith(".ephemeral-storage", StringComparison.Ordinal)));
    }

    // Newer versions of Helm speak of a value that the schema refuses in other words, and name it by a JSON pointer.
    private static string Pointer(string error) =>
        error.StartsWith("Additional property ", StringComparison.Ordinal) ? $"'{error.Split(' ')[2]}'" : $"at '/{error.Split(' ')[0].TrimEnd(':').Replace('.', '/')}'";

    /// <summary>The paths that are in the schema alone or in the values alone; and those of objects that may have any member.</summary>
    private static IEnumerable<string> Differences(JsonNode schema, JsonNode of, JsonNode? value, string path)
    {
        var rules = of.Text("$ref") is { Length: > 0 } to ? schema.At(to.Replace("#/", "", StringComparison.Ordinal).Replace('/', '.'))! : of;
        if (value is not JsonObject map || rules.At("additionalProperties") is JsonObject)
        {
            return [];
        }

        // What any service may have is explained once, at the defaults.
        var isService = path.StartsWith(".services.", StringComparison.Ordinal);
        var known = (rules["properties"] as JsonObject ?? []).Select(property => property.Key).ToHashSet();
        var there = map.Select(member => member.Key).ToHashSet();
        return (rules.Is("additionalProperties", false) || rules["properties"] is null ? [] : new[] { $"{path}, which is open" })
            .Concat(there.Except(known).Concat(isService ? [] : known.Except(there)).Where(_ => rules["properties"] is not null).Select(name => $"{path}.{name}"))
            .Concat(there.Intersect(known).SelectMany(name => Differences(schema, rules["properties"]![name]!, map[name], $"{path}.{name}")));
    }
}
