using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Lavka.Testing;

namespace Lavka.Shop.Tests;

/// <summary>services/Gateway/openapi is what the services behind the Gateway answer, and /docs shows it.</summary>
public sealed partial class OpenApiTests(InProcessShop shop) : IClassFixture<InProcessShop>, IDisposable
{
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false });

    public void Dispose()
    {
        _http.Dispose();
        shop.CheckEvents();
    }

    [Theory]
    [InlineData("v1")]
    [InlineData("v2")]
    public async Task The_document_of_an_API_is_what_its_services_say(string version)
    {
        var name = $"services/Gateway/openapi/{version}.json";
        var fileName = Path.Combine(Repository.Root, name);

        var expected = await Merged(version);
        if (Environment.GetEnvironmentVariable("LAVKA_WRITE_SCHEMAS") == "1")
        {
            await File.WriteAllTextAsync(fileName, expected);
        }

        var actual = File.Exists(fileName) ? (await File.ReadAllTextAsync(fileName)).ReplaceLineEndings("\n") : "";

        Assert.True(expected == actual, $"{name} is not what the services do. To write it: LAVKA_WRITE_SCHEMAS=1 dotnet test tests/Shop.Tests --filter {nameof(OpenApiTests)}");
    }

    [Theory]
    [InlineData("v1")]
    [InlineData("v2")]
    public async Task Every_operation_has_a_name_of_its_own_and_a_summary_and_every_reference_leads_somewhere(string version)
    {
        var document = await Document(version);

        var operations = OpenApi.OperationsOf(document).ToList();

        Assert.NotEmpty(operations);
        Assert.Distinct(operations.Select(operation => (string)operation.Description["operationId"]!));
        Assert.All(operations, operation => Assert.False(string.IsNullOrEmpty((string?)operation.Description["summary"]), $"{operation.Method} {operation.Path} has no summary."));
        Assert.All(OpenApi.ReferencesOf(document), to => Assert.True(OpenApi.Find(document, to) is not null, $"{to} is not there."));
    }

    [Theory]
    [InlineData("v1")]
    [InlineData("v2")]
    public async Task Every_operation_is_passed_on_to_a_service(string version)
    {
        using var @operator = await shop.SignInOperator();

        foreach (var operation in OpenApi.OperationsOf(await Document(version)))
        {
            using var response = await Call(@operator.Http, operation);

            // A stream has no end.
            var answer = response.Content.Headers.ContentType?.MediaType == "text/event-stream" ? "" : await response.Content.ReadAsStringAsync();
            Assert.False(
                response.StatusCode == HttpStatusCode.MethodNotAllowed || (response.StatusCode == HttpStatusCode.NotFound && answer.Contains($"There is no '/{version}/", StringComparison.Ordinal)),
                $"{operation.Method} {operation.Path}: {(int)response.StatusCode} {answer}");
        }
    }

    [Fact]
    public async Task What_needs_a_sign_in_and_only_that_says_so()
    {
        var document = await Document("v2");

        foreach (var operation in OpenApi.OperationsOf(document))
        {
            using var response = await Call(shop.Gateway, operation);

            // A service may answer 401 too; the Gateway says what it wants.
            Assert.True(
                response.Headers.WwwAuthenticate.Count > 0 == operation.Description["security"] is not null,
                $"{operation.Method} {operation.Path} answers {(int)response.StatusCode} to whoever has not signed in.");
        }
    }

    [Fact]
    public async Task Answers_have_the_members_that_their_schemas_name()
    {
        var (user, product) = (await shop.NewUser(), await shop.NewProduct());
        var order = (await shop.Place(user, product)).Id;
        await shop.WaitFor(order, "delivered");
        using var @operator = await shop.SignInOperator();

        foreach (var version in new[] { "v1", "v2" })
        {
            var document = await Document(version);
            foreach (var (path, id) in new[] { ("users/{id}", user), ("products/{id}", product), ("inventory/{productId}", product), ("orders/{id}", order), ("payments/{orderId}", order), ("shipments/{orderId}", order) })
            {
                var schema = OpenApi.Find(document, OpenApi.ReferencesOf(document["paths"]![$"/{version}/{path}"]!["get"]!["responses"]!["200"]).Single())!;

                var answer = await @operator.Get($"/{version}/{path.Split('/')[0]}/{id}");

                Assert.Equal(schema["properties"]!.AsObject().Select(property => property.Key).Order(), answer.AsObject().Select(member => member.Key).Order());
                Assert.All(answer.AsObject(), member => Assert.True(Types(schema["properties"]![member.Key]!).Intersect(TypesOf(member.Value)).Any(), $"{path}: {member}"));
            }
        }
    }

    [Theory]
    [InlineData("/openapi/v1.json", "application/json")]
    [InlineData("/openapi/v2.json", "application/json")]
    [InlineData("/docs/index.html", "text/html")]
    public async Task The_Gateway_serves_the_documents_and_a_page_of_them(string path, string type)
    {
        using var response = await shop.Gateway.GetAsync(new Uri(path, UriKind.Relative));

        Assert.Equal((HttpStatusCode.OK, type), (response.StatusCode, response.Content.Headers.ContentType?.MediaType));
        Assert.NotEqual(0, (await response.Content.ReadAsStringAsync()).Length);
    }

    [ChromiumFact]
    public async Task The_page_shows_every_operation_and_breaks_none_of_its_own_rules()
    {
        var paths = OpenApi.OperationsOf(await Document("v2")).Select(operation => operation.Path).Order(StringComparer.Ordinal).ToList();

        var (page, log) = await Shown(new Uri(shop.AddressOf("gateway"), "/docs/index.html"));

        Assert.True(paths.SequenceEqual(ShownPath().Matches(page).Select(match => match.Groups["path"].Value).Order(StringComparer.Ordinal)), $"{page}\n{log}");
        Assert.DoesNotContain("Content Security Policy", log, StringComparison.Ordinal);
    }

    [Fact]
    public void Services_that_mean_different_things_by_a_name_get_a_name_each()
    {
        var orders = Service("orders", "/v2/a", """{ "Line": { "type": "object", "properties": { "text": { "type": "string" } } }, "Page": { "items": { "$ref": "#/components/schemas/Line" } }, "Same": {} }""");
        var catalog = Service("catalog", "/v2/b", """{ "Line": { "type": "string" }, "Page": { "items": { "$ref": "#/components/schemas/Line" } }, "Same": {} }""");

        var text = OpenApi.Merge("v2", [orders, catalog]);

        var schemas = JsonNode.Parse(text)!["components"]!["schemas"]!.AsObject();
        Assert.Equal(["CatalogLine", "CatalogPage", "OrdersLine", "OrdersPage", "ProblemDetails", "Same"], schemas.Select(schema => schema.Key));
        Assert.Equal("#/components/schemas/CatalogLine", (string?)schemas["CatalogPage"]!["items"]!["$ref"]);
        Assert.Contains("#/components/schemas/OrdersPage", OpenApi.ReferencesOf(JsonNode.Parse(text)!["paths"]!["/v2/a"]));
        Assert.Equal(text, OpenApi.Merge("v2", [catalog, orders]));
    }

    [Fact]
    public void What_may_be_null_may_be_left_out_of_a_request_but_not_of_an_answer()
    {
        const string Both = """{ "required": ["id", "note"], "properties": { "id": { "type": "string" }, "note": { "type": ["null", "string"] } } }""";
        var service = Service("orders", "/v2/a", $$"""{ "Wanted": {{Both}}, "Page": {{Both}} }""");
        service.Document["paths"]!["/v2/a"]!["get"]!["requestBody"] = new JsonObject { ["$ref"] = "#/components/schemas/Wanted" };

        var document = JsonNode.Parse(OpenApi.Merge("v2", [service]))!;

        Assert.Equal(["id"], document["components"]!["schemas"]!["Wanted"]!["required"]!.AsArray().Select(name => (string?)name));
        Assert.Equal(["id", "note"], document["components"]!["schemas"]!["Page"]!["required"]!.AsArray().Select(name => (string?)name));
    }

    private static ServiceApi Service(string appId, string path, string schemas) => new(appId, new JsonObject
    {
        ["paths"] = new JsonObject { [path] = new JsonObject { ["get"] = new JsonObject { ["responses"] = new JsonObject { ["200"] = new JsonObject { ["$ref"] = "#/components/schemas/Page" } } } } },
        ["components"] = new JsonObject { ["schemas"] = JsonNode.Parse(schemas) },
    });

    private static IEnumerable<string> Types(JsonNode schema) => schema["type"] switch
    {
        JsonArray types => types.Select(type => (string)type!),
        JsonNode type => [(string)type!],
        null => schema["oneOf"]?.AsArray().SelectMany(one => Types(one!)) ?? ["object"],
    };

    private static IEnumerable<string> TypesOf(JsonNode? value) => value?.GetValueKind() switch
    {
        null => ["null"],
        JsonValueKind.Object => ["object"],
        JsonValueKind.Array => ["array"],
        JsonValueKind.String => ["string"],
        JsonValueKind.Number => ["number", "integer"],
        _ => ["boolean"],
    };

    /// <summary>Calls an operation with ids of nothing and with nothing in the body.</summary>
    private static Task<HttpResponseMessage> Call(HttpClient http, Operation operation) => http.SendAsync(new HttpRequestMessage(new HttpMethod(operation.Method.ToUpperInvariant()), Parameter().Replace(operation.Path, "none"))
    {
        Content = operation.Description["requestBody"] is null ? null : new StringContent("{}", Encoding.UTF8, "application/json"),
    }, HttpCompletionOption.ResponseHeadersRead);

    /// <summary>A page as Chromium makes it, and what Chromium says of it.</summary>
    private static async Task<(string Page, string Log)> Shown(Uri address)
    {
        using var profile = new TempFolder();
        using var chromium = Process.Start(new ProcessStartInfo(ChromiumFactAttribute.Program,
        [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--no-proxy-server", "--enable-logging=stderr", $"--user-data-dir={profile.Path}",
            "--virtual-time-budget=8000", "--dump-dom", address.AbsoluteUri,
        ])
        { RedirectStandardOutput = true, RedirectStandardError = true })!;
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        try
        {
            var texts = await Task.WhenAll(chromium.StandardOutput.ReadToEndAsync(patience.Token), chromium.StandardError.ReadToEndAsync(patience.Token));
            await chromium.WaitForExitAsync(patience.Token);
            return (texts[0], texts[1]);
        }
        finally
        {
            if (!chromium.HasExited)
            {
                chromium.Kill(entireProcessTree: true);
            }
        }
    }

    private async Task<JsonNode> Document(string version) => JsonNode.Parse(await Merged(version))!;

    private async Task<string> Merged(string version)
    {
        var services = await Task.WhenAll(InProcessShop.AppIds.Select(async appId => new ServiceApi(appId, (await _http.GetFromJsonAsync<JsonObject>(AddressOf(appId, version)))!)));
        return OpenApi.Merge(version, version == "v2" ? [.. services, OpenApi.Loyalty] : services);
    }

    // The Gateway serves what is made here at the usual place, and its own document beside it. The others answer their sidecar alone.
    private Uri AddressOf(string appId, string version) => appId == "gateway"
        ? new(shop.AddressOf(appId), $"/openapi/own/{version}.json")
        : new(shop.SidecarOf(appId), $"/v1.0/invoke/{appId}/method/openapi/{version}.json");

    [GeneratedRegex(@"\{[^}]+\}")]
    private static partial Regex Parameter();

    [GeneratedRegex("""data-path="(?<path>[^"]+)""")]
    private static partial Regex ShownPath();
}
