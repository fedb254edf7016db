using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Lavka.Contracts;
using Lavka.Testing;

namespace Lavka.Shop.Tests;

/// <summary>An event type, and the topic it is told in.</summary>
internal sealed record EventOfTopic(string Topic, string Type);

/// <summary>What a service listens to.</summary>
/// <param name="Type">The event's type; null: all of the topic.</param>
/// <param name="Where">A condition besides the type.</param>
internal sealed record Subscription(string AppId, string Topic, string? Type, string? Where);

/// <summary>The shop's events as an AsyncAPI 3.0 document: who tells what where, and who listens.</summary>
internal static partial class AsyncApi
{
    private const string ContentType = "application/cloudevents+json";

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Every event of Contracts.</summary>
    public static IReadOnlyList<EventOfTopic> Events { get; } = [.. typeof(IEvent).Assembly.GetExportedTypes()
        .Where(type => type.IsClass && typeof(IEvent).IsAssignableFrom(type))
        .Select(type => new EventOfTopic(Static(type, nameof(IEvent.Topic)), Static(type, nameof(IEvent.Type))))];

    /// <summary>Reads the subscriptions of a sidecar's metadata (Dapr: reference/api/metadata_api): those that the app asks for, and those that resources declare.</summary>
    /// <exception cref="FormatException">A rule does not ask for one event type.</exception>
    public static IEnumerable<Subscription> SubscriptionsOf(string appId, JsonNode metadata)
    {
        foreach (var subscription in metadata["subscriptions"]?.AsArray() ?? [])
        {
            var topic = (string)subscription!["topic"]!;
            foreach (var rule in subscription["rules"]!.AsArray())
            {
                var condition = (string?)rule!["match"] ?? "";
                var match = Rule().Match(condition);
                yield return condition.Length == 0 ? new(appId, topic, null, null)
                    : match.Success ? new(appId, topic, match.Groups["type"].Value, match.Groups["where"] is { Success: true } where ? where.Value : null)
                    : throw new FormatException($"{appId} listens to {topic} where {condition}; a rule is to start with: event.type == \"...\"");
            }
        }
    }

    /// <summary>The document. The same events and subscriptions, in whatever order, give the same text.</summary>
    public static string Describe(IReadOnlyList<EventOfTopic> events, IReadOnlyList<Subscription> subscriptions)
    {
        var topics = events.GroupBy(one => one.Topic, one => one.Type).OrderBy(topic => topic.Key, StringComparer.Ordinal).ToList();
        var types = topics.ToDictionary(topic => topic.Key, topic => topic.Order(StringComparer.Ordinal).ToList());
        var operations = topics.Select(topic => KeyValuePair.Create($"{topic.Key}.send", (JsonNode?)Operation("send", topic.Key, topic.Key, null, types[topic.Key])))
            .Concat(subscriptions
                // Dead letters are no events.
                .Where(one => types.ContainsKey(one.Topic))
                .SelectMany(one => one.Type is null ? types[one.Topic].Select(type => one with { Type = type }) : [one])
                .DistinctBy(one => (one.AppId, one.Type, one.Where))
                .GroupBy(one => (one.AppId, one.Topic, Type: one.Type!))
                .OrderBy(group => group.Key.AppId, StringComparer.Ordinal).ThenBy(group => group.Key.Type, StringComparer.Ordinal)
                .Select(group => KeyValuePair.Create($"{group.Key.AppId}.receive.{group.Key.Type}",
                    (JsonNode?)Operation("receive", group.Key.AppId, group.Key.Topic, Condition(group), [group.Key.Type]))));
        var document = new JsonObject
        {
            ["asyncapi"] = "3.0.0",
            ["info"] = new JsonObject
            {
                ["title"] = "Lavka",
                ["version"] = "1.0.0",
                ["description"] = "What the services of the shop tell each other through Dapr's pub/sub. A channel is a topic and belongs to the service of its name. Delivery is at least once and, unless the broker keeps order, in any order.",
            },
            ["defaultContentType"] = ContentType,
            ["channels"] = new JsonObject(topics.Select(topic => KeyValuePair.Create(topic.Key, (JsonNode?)Channel(topic.Key, types[topic.Key])))),
            ["operations"] = new JsonObject(operations),
            ["components"] = new JsonObject
            {
                ["messages"] = new JsonObject(types.Values.SelectMany(one => one).Order(StringComparer.Ordinal).Select(type => KeyValuePair.Create(type, (JsonNode?)Message(type)))),
                ["schemas"] = new JsonObject { ["cloudEvent"] = CloudEvent() },
            },
        };
        return document.ToJsonString(Indented) + "\n";
    }

    private static string? Condition(IEnumerable<Subscription> rules) =>
        rules.Any(rule => rule.Where is null) ? null : $"Only where {string.Join(" or ", rules.Select(rule => rule.Where).Order(StringComparer.Ordinal))}.";

    private static JsonObject Channel(string topic, IEnumerable<string> types) => new()
    {
        ["address"] = topic,
        ["messages"] = new JsonObject(types.Select(type => KeyValuePair.Create(type, (JsonNode?)Reference($"#/components/messages/{type}")))),
    };

    private static JsonObject Operation(string action, string appId, string topic, string? description, IEnumerable<string> types)
    {
        var operation = new JsonObject
        {
            ["action"] = action,
            ["channel"] = Reference($"#/channels/{topic}"),
            ["tags"] = new JsonArray(new JsonObject { ["name"] = appId }),
        };
        if (description is not null)
        {
            operation["description"] = description;
        }

        operation["messages"] = new JsonArray([.. types.Select(type => Reference($"#/channels/{topic}/messages/{type}"))]);
        return operation;
    }

    // The message is the CloudEvent; the schemas are those of its data.
    private static JsonObject Message(string type) => new()
    {
        ["name"] = type,
        ["title"] = EventSchemas.Of(type).GetProperty("title").GetString(),
        ["summary"] = EventSchemas.Of(type).GetProperty("description").GetString(),
        ["contentType"] = ContentType,
        ["payload"] = new JsonObject
        {
            ["allOf"] = new JsonArray(Reference("#/components/schemas/cloudEvent"), new JsonObject
            {
                ["properties"] = new JsonObject
                {
                    ["type"] = new JsonObject { ["const"] = type },
                    ["data"] = Reference($"../{EventSchemas.Folder}/{EventSchemas.FileOf(type)}"),
                },
            }),
        },
    };

    private static JsonObject CloudEvent() => new()
    {
        ["description"] = "CloudEvents 1.0, as Dapr sends it.",
        ["type"] = "object",
        ["properties"] = new JsonObject
        {
            ["specversion"] = new JsonObject { ["const"] = "1.0" },
            ["id"] = Text("Made from the aggregate and its version: a repeat has the same."),
            ["source"] = Text("The app id of the service that tells it."),
            ["type"] = Text("Which event it is."),
            ["datacontenttype"] = new JsonObject { ["const"] = "application/json" },
            ["data"] = new JsonObject { ["type"] = "object" },
        },
        ["required"] = new JsonArray("specversion", "id", "source", "type", "datacontenttype", "data"),
    };

    private static JsonObject Text(string description) => new() { ["description"] = description, ["type"] = "string" };

    private static JsonObject Reference(string to) => new() { ["$ref"] = to };

    private static string Static(Type type, string property) => (string)type.GetProperty(property)!.GetValue(null)!;

    [GeneratedRegex("""^event\.type == "(?<type>[^"]+)"( && (?<where>.+))?$""")]
    private static partial Regex Rule();
}
