using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lavka.Gateway;

namespace Lavka.Shop.Tests;

/// <summary>What a service says of one version of its API.</summary>
internal sealed record ServiceApi(string AppId, JsonObject Document);

/// <summary>An operation of a document.</summary>
internal sealed record Operation(string Method, string Path, JsonObject Description);

/// <summary>The Gateway's API as one OpenAPI 3.1 document, made of those of the services behind it.</summary>
internal static class OpenApi
{
    private const string Schemas = "#/components/schemas/";

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly string[] Methods = ["get", "post", "put", "patch", "delete"];

    private static readonly (string Status, string Name, string Description)[] Problems =
    [
        ("400", "BadRequest", "The request says something that cannot be; the detail says what, and what is allowed."),
        ("401", "Unauthorized", "Nobody has signed in, or the token or the signature is wrong or too old."),
        ("403", "Forbidden", "Only an operator may do this."),
        ("404", "NotFound", "There is no such thing, or it is somebody else's."),
        ("409", "Conflict", "It cannot be done as things are, or the Idempotency-Key belongs to another request."),
        ("429", "TooManyRequests", "Too many requests; Retry-After says in how many seconds to try again."),
        ("503", "Unavailable", "A service is away; the detail names it. Try again."),
        ("default", "Failure", "Any other failure."),
    ];

    /// <summary>The one operation of Loyalty. That service is written in JavaScript, where nothing makes a document of the code.</summary>
    public static ServiceApi Loyalty { get; } = new(V2.Loyalty, JsonNode.Parse("""
        {
          "paths": {
            "/v2/users/{id}/points": {
              "get": {
                "tags": ["Points"],
                "summary": "A user's points, and of how many orders they are.",
                "parameters": [{ "name": "id", "in": "path", "required": true, "schema": { "type": "string" } }],
                "responses": { "200": { "description": "OK", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/PointsView" } } } } }
              }
            }
          },
          "components": {
            "schemas": {
              "PointsView": {
                "required": ["userId", "points", "orders"],
                "type": "object",
                "properties": { "userId": { "type": "string" }, "points": { "type": "integer", "format": "int64" }, "orders": { "type": "integer", "format": "int64" } }
              }
            }
          }
        }
        """)!.AsObject());

    /// <summary>The document. The same documents of services, in whatever order, give the same text.</summary>
    /// <param name="version"><c>v1</c> or <c>v2</c>.</param>
    public static string Merge(string version, IEnumerable<ServiceApi> services)
    {
        var parts = ByOneNameEach([.. services.OrderBy(service => service.AppId, StringComparer.Ordinal)]);
        var operations = parts.SelectMany(OperationsOf)
            .OrderBy(operation => operation.Path, StringComparer.Ordinal).ThenBy(operation => Array.IndexOf(Methods, operation.Method)).ToList();
        var schemas = parts.SelectMany(SchemasOf).Append(KeyValuePair.Create(nameof(ProblemDetails), (JsonNode?)ProblemDetails())).DistinctBy(schema => schema.Key);
        var components = new JsonObject
        {
            ["schemas"] = new JsonObject(schemas.OrderBy(schema => schema.Key, StringComparer.Ordinal).Select(schema => KeyValuePair.Create(schema.Key, schema.Value?.DeepClone()))),
            ["responses"] = new JsonObject(Problems.Select(problem => KeyValuePair.Create(problem.Name, (JsonNode?)Problem(problem.Description)))),
        };
        if (version == "v2")
        {
            components["securitySchemes"] = new JsonObject { ["bearer"] = new JsonObject { ["type"] = "http", ["scheme"] = "bearer", ["bearerFormat"] = "JWT" } };
        }

        var document = new JsonObject
        {
            ["openapi"] = "3.1.1",
            ["info"] = new JsonObject
            {
                ["title"] = "Lavka",
                ["version"] = version,
                ["description"] = version == "v1"
                    ? "The plain API of the shop: snake_case, no sign-in, lists whose next page a Link header names."
                    : "The API of the shop. Sign in with POST /v2/sessions and send the answer's token as Authorization: Bearer; customers see and change their own, operators everything.",
            },
            ["servers"] = new JsonArray(new JsonObject { ["url"] = "/" }),
            ["paths"] = new JsonObject(operations.GroupBy(operation => operation.Path).Select(path => KeyValuePair.Create(
                path.Key, (JsonNode?)new JsonObject(path.Select(operation => KeyValuePair.Create(operation.Method, (JsonNode?)Complete(version, operation))))))),
            ["components"] = components,
            ["tags"] = new JsonArray([.. operations.SelectMany(TagsOf).Distinct().Order(StringComparer.Ordinal).Select(tag => new JsonObject { ["name"] = tag })]),
        };
        MakeOptional(document);
        return document.ToJsonString(Indented) + "\n";
    }

    /// <summary>All operations of a document.</summary>
    public static IEnumerable<Operation> OperationsOf(JsonNode document) => document["paths"]!.AsObject().SelectMany(path => path.Value!.AsObject()
        .Where(member => Methods.Contains(member.Key)).Select(operation => new Operation(operation.Key, path.Key, operation.Value!.AsObject())));

    private static IEnumerable<Operation> OperationsOf(ServiceApi service) => OperationsOf(service.Document);

    /// <summary>What <c>$ref</c>s of a document lead to.</summary>
    public static IEnumerable<string> ReferencesOf(JsonNode? node) => node switch
    {
        JsonObject members => members.SelectMany(member => member.Key == "$ref" ? [(string)member.Value!] : ReferencesOf(member.Value)),
        JsonArray items => items.SelectMany(ReferencesOf),
        _ => [],
    };

    /// <summary>What a name leads to; null: nothing.</summary>
    /// <param name="reference">Such as <c>#/components/schemas/OrderView</c>.</param>
    public static JsonNode? Find(JsonNode document, string reference) =>
        reference.Split('/').Skip(1).Aggregate((JsonNode?)document, (node, name) => node is JsonObject members ? members[name] : null);

    /// <summary>Whether it needs no sign-in: see <see cref="V2.MapV2"/>.</summary>
    private static bool IsForAnybody(string version, Operation operation) => version == "v1" || (operation.Method, operation.Path) switch
    {
        ("post", "/v2/users" or "/v2/sessions" or "/v2/webhooks/carrier") => true,
        ("get", var path) => path.StartsWith("/v2/products", StringComparison.Ordinal) || path.StartsWith("/v2/inventory", StringComparison.Ordinal),
        _ => false,
    };

    /// <summary>
    /// Makes optional in requests what may be null there. ASP.NET Core calls every parameter of a record's constructor required, which is right for answers, where nulls are
    /// written, and wrong for requests, where they are left out.
    /// </summary>
    private static void MakeOptional(JsonObject document)
    {
        var asked = SchemasBehind(document, OperationsOf(document).Select(operation => operation.Description["requestBody"]));
        var answered = SchemasBehind(document, OperationsOf(document).Select(operation => operation.Description["responses"]));
        foreach (var schema in asked.Except(answered).Select(name => Find(document, name)!.AsObject()))
        {
            var required = (schema["required"]?.AsArray() ?? []).Select(name => (string)name!).Where(name => !IsNullable(schema["properties"]![name]!)).ToList();
            if (required.Count > 0)
            {
                schema["required"] = new JsonArray([.. required.Select(name => JsonValue.Create(name))]);
            }
            else
            {
                schema.Remove("required");
            }
        }
    }

    private static HashSet<string> SchemasBehind(JsonObject document, IEnumerable<JsonNode?> nodes)
    {
        var found = new HashSet<string>();
        var next = new Queue<string>(nodes.SelectMany(ReferencesOf));
        while (next.TryDequeue(out var name))
        {
            if (found.Add(name))
            {
                ReferencesOf(Find(document, name)).ToList().ForEach(next.Enqueue);
            }
        }

        found.RemoveWhere(name => !name.StartsWith(Schemas, StringComparison.Ordinal));
        return found;
    }

    private static bool IsNullable(JsonNode schema) => schema["type"] is JsonArray types
        ? types.Any(type => (string)type! == "null")
        : schema["oneOf"]?.AsArray().Any(one => (string?)one!["type"] == "null") == true;

    /// <summary>The operation with what its service cannot know: its id among those of all services, who may ask, and what else the Gateway answers.</summary>
    private static JsonObject Complete(string version, Operation operation)
    {
        var isForAnybody = IsForAnybody(version, operation);
        var complete = new JsonObject { ["operationId"] = IdOf(operation) };
        foreach (var member in operation.Description.Where(member => member.Key is not ("operationId" or "responses")))
        {
            complete[member.Key] = member.Value?.DeepClone();
        }

        if (!isForAnybody)
        {
            complete["security"] = new JsonArray(new JsonObject { ["bearer"] = new JsonArray() });
        }

        var responses = operation.Description["responses"]!.DeepClone().AsObject();
        foreach (var (status, name, _) in Problems.Where(problem => MayAnswer(problem.Status, operation, isForAnybody)))
        {
            responses[status] = new JsonObject { ["$ref"] = $"#/components/responses/{name}" };
        }

        complete["responses"] = responses;
        return complete;
    }

    private static bool MayAnswer(string problem, Operation operation, bool isForAnybody) => problem switch
    {
        // Two answer 401 to whoever needs no token: to a wrong password, and to a wrong signature.
        "401" => !isForAnybody || operation.Path is "/v2/sessions" or "/v2/webhooks/carrier",
        "403" => !isForAnybody,
        "409" => operation.Path.Split('/')[^1] is "status" or "review" or "checkout" || (operation.Method, operation.Path) == ("post", "/v1/payments") || HasIdempotencyKey(operation),
        _ => true,
    };

    private static bool HasIdempotencyKey(Operation operation) =>
        operation.Description["parameters"]?.AsArray().Any(parameter => (string?)parameter!["name"] == "Idempotency-Key") == true;

    // get /v2/users/{id}/orders: getUsersByIdOrders.
    private static string IdOf(Operation operation) => operation.Method + string.Concat(operation.Path.Split('/', StringSplitOptions.RemoveEmptyEntries).Skip(1)
        .SelectMany(segment => segment.StartsWith('{') ? ["by", segment.Trim('{', '}')] : segment.Split('-')).Select(Capitalized));

    private static IEnumerable<string> TagsOf(Operation operation) => operation.Description["tags"]?.AsArray().Select(tag => (string)tag!) ?? [];

    /// <summary>The documents with schemas of one name for one thing: where services mean different things by a name, each of them gets the service's name before it.</summary>
    private static List<ServiceApi> ByOneNameEach(IReadOnlyList<ServiceApi> services)
    {
        var shared = services.SelectMany(SchemasOf).GroupBy(schema => schema.Key, schema => schema.Value!).Where(schemas => schemas.Count() > 1).ToList();
        var ambiguous = new HashSet<string>();

        // What looks the same in two services is not if it refers to what is not.
        while (shared.Where(schemas => !ambiguous.Contains(schemas.Key))
            .Where(schemas => schemas.DistinctBy(schema => schema.ToJsonString()).Count() > 1 || ReferencesOf(schemas.First()).Any(to => ambiguous.Contains(to[Schemas.Length..])))
            .Select(schemas => schemas.Key).ToList() is { Count: > 0 } found)
        {
            ambiguous.UnionWith(found);
        }

        return [.. services.Select(service => new ServiceApi(service.AppId, Renamed(service.Document, name => ambiguous.Contains(name) ? Capitalized(service.AppId) + name : name)))];
    }

    private static JsonObject Renamed(JsonObject document, Func<string, string> rename)
    {
        var renamed = With(document)!.AsObject();
        if (renamed["components"]?["schemas"] is JsonObject schemas)
        {
            renamed["components"]!["schemas"] = new JsonObject(schemas.Select(schema => KeyValuePair.Create(rename(schema.Key), schema.Value?.DeepClone())));
        }

        return renamed;

        JsonNode? With(JsonNode? node) => node switch
        {
            JsonObject members => new JsonObject(members.Select(member => KeyValuePair.Create(
                member.Key, member.Key == "$ref" && (string)member.Value! is var to && to.StartsWith(Schemas, StringComparison.Ordinal) ? Schemas + rename(to[Schemas.Length..]) : With(member.Value)))),
            JsonArray items => new JsonArray([.. items.Select(With)]),
            _ => node?.DeepClone(),
        };
    }

    private static IEnumerable<KeyValuePair<string, JsonNode?>> SchemasOf(ServiceApi service) => service.Document["components"]?["schemas"]?.AsObject() ?? [];

    private static JsonObject ProblemDetails() => new()
    {
        ["description"] = "Problem details (RFC 9457).",
        ["type"] = "object",
        ["properties"] = new JsonObject
        {
            ["type"] = new JsonObject { ["type"] = "string" },
            ["title"] = new JsonObject { ["type"] = "string" },
            ["status"] = new JsonObject { ["type"] = "integer", ["format"] = "int32" },
            ["detail"] = new JsonObject { ["description"] = "One sentence that says what is wrong, and what to do.", ["type"] = "string" },
        },
    };

    private static JsonObject Problem(string description) => new()
    {
        ["description"] = description,
        ["content"] = new JsonObject { ["application/problem+json"] = new JsonObject { ["schema"] = new JsonObject { ["$ref"] = Schemas + nameof(ProblemDetails) } } },
    };

    private static string Capitalized(string word) => char.ToUpperInvariant(word[0]) + word[1..];
}
