using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using Dapr.Client.Autogen.Grpc.v1;
using Grpc.Core;
using Grpc.Net.Client;
using Lavka.Sidecar.Resources;
using Lavka.Sidecar.Testing;
using Lavka.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using YamlDotNet.RepresentationModel;

namespace Lavka.Sidecar.Tests;

/// <summary>docs/dapr-compatibility.md against the code.</summary>
public sealed partial class CompatibilityTests
{
    private static readonly string[] Document = File.ReadAllLines(Path.Combine(Repository.Root, "docs", "dapr-compatibility.md"));

    // Every state store, broker or binding may have these; the document says so once.
    private static readonly string[] Common =
    [
        "keyPrefix", "actorStateStore", "consumerID", "publishingScopes", "subscriptionScopes", "allowedTopics", "protectedTopics", "outboxPublishPubsub", "outboxPublishTopic", "outboxPubsub", "outboxDiscardWhenMissingState",
    ];

    [Fact]
    public async Task Every_request_of_the_API_table_is_answered_as_it_says()
    {
        await using var test = await TestApp.Start(answer: request => request.Path == "/dapr/config" ? Answer.Json("""{"entities":["Cart"]}""") : null, options: new()
        {
            Resources =
            [
                TestApp.Component("pubsub", "pubsub.in-memory"), TestApp.Component("store", "state.in-memory", ("actorStateStore", "true")), TestApp.Component("secrets", "secretstores.local.env"),
                TestApp.Component("binding", "bindings.localstorage", ("rootPath", "files")), TestApp.Component("lock", "lock.embedded", ("path", "locks.db")),
                TestApp.Component("crypto", "crypto.dapr.localstorage", ("path", Repository.Root)), TestApp.Component("conversation", "conversation.echo"),
                TestApp.Component("config", "configuration.embedded", ("path", Path.Combine(Repository.Root, "global.json"))),
            ],
        });
        var rows = Table("## HTTP API");
        Assert.True(rows.Count > 15);

        foreach (var (api, status, requests) in rows.Select(row => (row[0], row[1], row[2])))
        {
            foreach (Match request in Quoted().Matches(requests))
            {
                var parts = request.Groups[1].Value.Split(' ');
                using var message = new HttpRequestMessage(new HttpMethod(parts[0]), Placeholder().Replace(parts[1], "$1")) { Content = new StringContent("[]", Encoding.UTF8, "application/json") };
                using var response = await test.Dapr.Http.SendAsync(message);
                var body = await response.Content.ReadAsStringAsync();

                // What daprd does not know at all is an invocation without an app id; what it has nothing configured for says so.
                var known = response.StatusCode != HttpStatusCode.NotFound || !body.Contains("ERR_DIRECT_INVOKE", StringComparison.Ordinal);
                var there = known && !Absent().IsMatch(body);
                Assert.True(status == "no" ? !there : there, $"{api}: {request.Value} is '{status}', but was answered {(int)response.StatusCode} {body}");
            }
        }
    }

    [Fact]
    public async Task The_table_of_calls_has_those_of_Daprs_service_that_are_answered()
    {
        await using var sidecar = await EmbeddedSidecar.StartAsync();
        using var channel = GrpcChannel.ForAddress(sidecar.GrpcEndpoint);
        var documented = Table("## gRPC API").SelectMany(row => Quoted().Matches(row[2]).Select(match => match.Groups[1].Value));

        var known = await Task.WhenAll(DaprReflection.Descriptor.Services.Single(service => service.Name == "Dapr").Methods.Select(async method => (method.Name, IsKnown: await IsKnown(channel, method.Name))));

        Assert.Equal(known.Where(method => method.IsKnown).Select(method => method.Name).Order(StringComparer.Ordinal), documented.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_component_table_has_the_types_there_are()
    {
        var documented = Table("## Components").Where(row => row[1] != "no").SelectMany(row => Quoted().Matches(row[0]).Select(match => match.Groups[1].Value));

        Assert.Equal(ComponentTypes.All, documented.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task The_component_table_has_the_metadata_that_the_components_ask_for()
    {
        using var folder = new SidecarFolder();
        var secrets = Path.Combine(folder.Data, "secrets.json");
        Directory.CreateDirectory(folder.Data);
        await File.WriteAllTextAsync(secrets, "{}");
        foreach (var row in Table("## Components").Where(row => row[1] != "no"))
        {
            var type = Quoted().Match(row[0]).Groups[1].Value;
            var documented = Quoted().Matches(row[2]).Select(match => match.Groups[1].Value).ToList();
            var values = documented.ToDictionary(field => field, field => field switch
            {
                "path" when type == "crypto.dapr.localstorage" => folder.Data,
                "path" or "secretsFile" => secrets,
                "jwks" => """{"keys":[]}""",
                "rootPath" => folder.Data,
                "connectionString" when type == "state.sqlite" => "state.db",
                "connectionString" when type == "state.postgresql" => "host=localhost",
                "schedule" => "@hourly",
                "url" when type == "bindings.http" => "http://127.0.0.1",
                "port" => "25",
                "authType" => "none",
                "brokers" => "localhost:9092",
                "redisHost" => "localhost",
                "host" when type == "pubsub.rabbitmq" => "amqp://localhost",
                "host" or "emailFrom" or "emailTo" or "subject" or "securityToken" or "securityTokenHeader" or "user" or "password" => "x",
                _ => "",
            });
            if (type is "pubsub.embedded" or "lock.embedded")
            {
                values["path"] = $"{type}.db";
            }

            var metadata = new ComponentMetadata(new Resource("", "", "Component", "x", new YamlMappingNode()), type, values, folder.Data);
            var mesh = new SidecarMesh();
            var component = ComponentTypes.Find(type)!(new(metadata, new() { AppId = "app" }, mesh, NullLoggerFactory.Instance));
            await mesh.Release(metadata, component);

            // direction and route are the sidecar's questions, not the component's.
            Assert.Equal(documented.Except(["route", "direction"]).Order(StringComparer.OrdinalIgnoreCase), metadata.Known.Except(Common).Order(StringComparer.OrdinalIgnoreCase));
        }
    }

    /// <summary>What the sidecar does not know is another app's, and no app is named.</summary>
    private static async Task<bool> IsKnown(GrpcChannel channel, string call)
    {
        var bytes = Marshallers.Create(message => message, message => message);
        var method = new Method<byte[], byte[]>(MethodType.ServerStreaming, "dapr.proto.runtime.v1.Dapr", call, bytes, bytes);
        try
        {
            using var answer = channel.CreateCallInvoker().AsyncServerStreamingCall(method, null, new(deadline: DateTime.UtcNow.AddSeconds(2)), []);
            await answer.ResponseStream.MoveNext(default);
            return true;
        }
        catch (RpcException e)
        {
            return !e.Status.Detail.Contains("required metadata dapr-callee-app-id or dapr-app-id not found", StringComparison.Ordinal)
                && !e.Status.Detail.Contains("Bad gRPC response", StringComparison.Ordinal);
        }
    }

    private static List<string[]> Table(string heading) => [.. Document.SkipWhile(line => line != heading).Skip(1).TakeWhile(line => !line.StartsWith("## ", StringComparison.Ordinal))
        .Where(line => line.StartsWith("| ", StringComparison.Ordinal) || line.StartsWith("|-", StringComparison.Ordinal)).Skip(2)
        .Select(line => line.Trim('|').Split('|').Select(cell => cell.Trim()).ToArray())];

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Quoted();

    [GeneratedRegex(@"\{(\w+)\}")]
    private static partial Regex Placeholder();

    [GeneratedRegex("NOT_CONFIGURED|ERR_CONVERSATION_NOT_FOUND|NOT_SUPPORTED|UNIMPLEMENTED")]
    private static partial Regex Absent();
}
