using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lavka.Contracts;
using Lavka.Run;
using Lavka.Sidecar;
using Lavka.Sidecar.Testing;
using Lavka.Testing;

namespace Lavka.Shop.Tests;

/// <summary>The whole shop in the test's process: its services, a sidecar each, HTTP between them.</summary>
public sealed class InProcessShop : IAsyncLifetime
{
    private static readonly (string AppId, Type Program)[] Services =
    [
        ("gateway", typeof(Gateway.Forwarder)), ("users", typeof(Users.User)), ("catalog", typeof(Catalog.Product)), ("inventory", typeof(Inventory.Stock)),
        ("orders", typeof(Orders.Order)), ("payments", typeof(Payments.Payment)), ("shipping", typeof(Shipping.Shipment)), ("notifications", typeof(Notifications.Message)),
        ("dashboard", typeof(Dashboard.Projection)),
    ];

    // What only a service's own sidecar knows; the Gateway is for everybody.
    public const string AppToken = "the-sidecar-says-so";

    private static readonly Dictionary<string, AppProtocol> Protocols = RunFile.Load(Path.Combine(Repository.Root, "dapr.yaml")).ToDictionary(app => app.AppId, app => app.AppProtocol);

    private readonly TempFolder _data = new();
    private readonly Dictionary<string, HostedService> _services = [];
    private readonly Dictionary<string, Dictionary<string, string>> _settings = [];
    private readonly List<EmbeddedSidecar> _sidecars = [];
    private int _checked;

    /// <summary>The folder of the Dapr resources; the repository's unless another is given.</summary>
    public string ComponentsPath { get; init; } = Path.Combine(Repository.Root, "components", "local");

    /// <summary>What the services tell each other, and the hand on it.</summary>
    public TestBroker Broker { get; } = new();

    /// <summary>The clock of the sidecars, and of the services that follow up what waits: deadlines come with it. Who signs in goes by the system's.</summary>
    public TestClock Clock { get; } = new();

    /// <summary>How long an order waits for its payment.</summary>
    public static TimeSpan PaymentDeadline { get; } = TimeSpan.FromMinutes(10);

    /// <summary>How long the payment provider thinks about amounts that end in .14.</summary>
    public static TimeSpan SlowFor { get; } = TimeSpan.FromSeconds(30);

    public HttpClient Gateway { get; private set; } = null!;

    public static JsonSerializerOptions Json { get; } = new(JsonSerializerDefaults.Web) { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Every service there is.</summary>
    public static IEnumerable<string> AppIds => Services.Select(service => service.AppId);

    /// <summary>Where what the shop keeps is.</summary>
    public string DataPath => _data.Path;

    /// <summary>Whether a text is in any database or in the log.</summary>
    public async Task<bool> Keeps(string text)
    {
        foreach (var file in Directory.EnumerateFiles(DataPath, "*.db*").Where(file => !file.EndsWith(".lock", StringComparison.Ordinal)))
        {
            await using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var bytes = new MemoryStream();
            await stream.CopyToAsync(bytes);
            if (bytes.ToArray().AsSpan().IndexOf(System.Text.Encoding.UTF8.GetBytes(text)) >= 0)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The base address of a service's sidecar.</summary>
    public Uri SidecarOf(string appId) => new($"http://127.0.0.1:{_settings[appId]["DAPR_HTTP_PORT"]}");

    /// <summary>The base address of a service, past the Gateway.</summary>
    public Uri AddressOf(string appId) => new($"http://127.0.0.1:{_settings[appId]["APP_PORT"]}");

    /// <summary>A client that asks a service past the Gateway and its sidecar.</summary>
    public HttpClient ClientOf(string appId) => new(new SocketsHttpHandler { UseProxy = false })
    {
        BaseAddress = AddressOf(appId),
        DefaultRequestVersion = Protocols[appId] == AppProtocol.H2C ? HttpVersion.Version20 : HttpVersion.Version11,
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
    };

    /// <summary>Delivers events of one type in one bulk, as the app's sidecar does (Dapr: reference/api/pubsub_api).</summary>
    /// <returns>What is said of each: <c>SUCCESS</c>, <c>RETRY</c> or <c>DROP</c>.</returns>
    public Task<IReadOnlyList<string>> DeliverInBulk<T>(string appId, params T[] events)
        where T : IEvent => DeliverInBulk(appId, T.Topic, T.Type, [.. events.Select(data => JsonSerializer.SerializeToNode(data, EventJson.Options))]);

    /// <summary>Delivers whatever calls itself an event of the type.</summary>
    /// <inheritdoc cref="DeliverInBulk{T}(string, T[])"/>
    public async Task<IReadOnlyList<string>> DeliverInBulk(string appId, string topic, string type, IReadOnlyList<JsonNode?> events)
    {
        using var client = ClientOf(appId);
        client.DefaultRequestHeaders.Add("dapr-api-token", AppToken);
        var entries = events.Select((data, number) => new { entryId = $"{number}", contentType = "application/cloudevents+json", @event = new { id = $"{Guid.NewGuid():N}", type, data } });
        using var response = await client.PostAsJsonAsync(appId == "dashboard" ? "/events" : $"/events/{topic}/{type}", new { entries });
        response.EnsureSuccessStatusCode();
        var answer = (await response.Content.ReadFromJsonAsync<JsonNode>())!;
        return [.. answer["statuses"]!.AsArray().Select(status => (string)status!["status"]!)];
    }

    public async Task InitializeAsync()
    {
        var mesh = new SidecarMesh();
        foreach (var (appId, program) in Services)
        {
            var appPort = Ports.Free();
            var sidecar = await EmbeddedSidecar.StartAsync(new()
            {
                AppId = appId,
                AppPort = appPort,
                AppProtocol = Protocols[appId],
                AppToken = AppToken,
                ResourcesPaths = [ComponentsPath],
                DataPath = _data.Path,
                Mesh = mesh,
                Broker = Broker,
                Clock = Clock,
            });
            _sidecars.Add(sidecar);
            _settings[appId] = new()
            {
                ["APP_PORT"] = appPort.ToString(CultureInfo.InvariantCulture),
                ["DAPR_HTTP_PORT"] = sidecar.HttpPort.ToString(CultureInfo.InvariantCulture),
                ["DAPR_GRPC_PORT"] = sidecar.GrpcPort.ToString(CultureInfo.InvariantCulture),
                ["APP_API_TOKEN"] = AppToken,
                ["SUBSCRIBE_IN_BULK"] = "true",

                // Every test signs in, from one address.
                ["Gateway:SignInsPerMinute"] = "100000",
                ["Gateway:RegistrationsPerMinute"] = "100000",
                ["Payments:SlowFor"] = SlowFor.ToString("c", CultureInfo.InvariantCulture),
                ["Logging:LogLevel:Default"] = "Critical",

                // Nobody changes their settings; to watch for it costs each one of the few watches that Linux gives a user (fs.inotify.max_user_instances).
                ["hostBuilder:reloadConfigOnChange"] = "false",
                ["Orders:PaymentDeadline"] = PaymentDeadline.ToString("c", CultureInfo.InvariantCulture),
            };
        }

        await Task.WhenAll(Services.Select(service => StartService(service.AppId)));
        await Task.WhenAll(_sidecars.Select(sidecar => sidecar.Ready));
        Gateway = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = AddressOf("gateway") };
    }

    public async Task DisposeAsync()
    {
        Gateway.Dispose();
        await Task.WhenAll(_services.Values.Select(service => service.DisposeAsync().AsTask()));
        await Task.WhenAll(_sidecars.Select(sidecar => sidecar.DisposeAsync().AsTask()));
        _data.Dispose();

        // What was told after the last test. xUnit then fails the run, but shows the exception's type alone. Last, so that nothing stays behind if it fails.
        CheckEvents();
    }

    /// <summary>Fails unless every event published since the last call is what its schema says. A test class calls it as it is disposed of, so that the test fails that told the event.</summary>
    public void CheckEvents()
    {
        var published = Broker.Published;
        var problems = published.Skip(_checked).Where(one => !one.Topic.EndsWith(".dead-letters", StringComparison.Ordinal))
            .Select(one => EventSchemas.Problem(one.Type, one.Data<JsonElement>())).OfType<string>().Distinct().ToList();
        _checked = published.Count;

        Assert.True(problems.Count == 0, string.Join('\n', problems.Take(5)) + (problems.Count > 5 ? $"\n({problems.Count} problems)" : ""));
    }

    public async Task StopService(string appId)
    {
        await _services[appId].DisposeAsync();
        _services.Remove(appId);
    }

    public async Task StartService(string appId)
    {
        var service = await HostedService.Start(Services.First(one => one.AppId == appId).Program, _settings[appId], appId is "gateway" or "users" ? null : Clock);
        lock (_services)
        {
            _services[appId] = service;
        }
    }

    /// <summary>Another instance of the Gateway, with settings of its own.</summary>
    public async Task<(IAsyncDisposable Service, Uri Address)> StartGateway(params (string Name, string Value)[] settings)
    {
        var port = Ports.Free().ToString(CultureInfo.InvariantCulture);
        var all = new Dictionary<string, string>(_settings["gateway"]) { ["APP_PORT"] = port };
        foreach (var (name, value) in settings)
        {
            all[name] = value;
        }

        var service = await HostedService.Start(typeof(Gateway.Forwarder), all);
        var address = new Uri($"http://127.0.0.1:{port}");
        using var http = new HttpClient { BaseAddress = address };
        await Eventually.Get(async () =>
        {
            try
            {
                return await http.GetStringAsync(new Uri("/health", UriKind.Relative));
            }
            catch (HttpRequestException)
            {
                return null;
            }
        }, "the Gateway to listen");
        return (service, address);
    }

    public async Task<T> Post<T>(string path, object body, string? idempotencyKey = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = JsonContent.Create(body, options: Json) };
        if (idempotencyKey is not null)
        {
            request.Headers.Add("Idempotency-Key", idempotencyKey);
        }

        using var response = await Gateway.SendAsync(request);
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
        return (await response.Content.ReadFromJsonAsync<T>(Json))!;
    }

    /// <summary>A client of the Gateway's v2 API, signed in.</summary>
    public async Task<V2Client> SignIn(string email, string password) => await V2Client.SignIn(AddressOf("gateway"), email, password);

    public Task<V2Client> SignInOperator() => SignIn("operator@lavka.example", "lavka-operator");

    /// <summary>A new user, signed in.</summary>
    public async Task<V2Client> NewShopper(string? phone = null)
    {
        using var anybody = new V2Client(AddressOf("gateway"), null);
        var email = $"{Guid.NewGuid():N}@example.com";
        using var registered = await anybody.Post("/v2/users", new { email, name = "Ann", password = "correct horse", phone });
        Assert.Equal(System.Net.HttpStatusCode.Created, registered.StatusCode);
        return await SignIn(email, "correct horse");
    }

    public async Task<T> Get<T>(string path) => (await Gateway.GetFromJsonAsync<T>(path, Json))!;

    /// <summary>Null while Inventory has not been told of the product.</summary>
    public async Task<StockView?> FindStock(string product)
    {
        using var response = await Gateway.GetAsync(new Uri($"/v1/inventory/{product}", UriKind.Relative));
        return response.StatusCode == System.Net.HttpStatusCode.NotFound ? null : await response.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<StockView>(Json);
    }

    public async Task<string> NewUser() => (await Post<Created>("/v1/users", new { Email = $"{Guid.NewGuid():N}@example.com", Name = "Ann" })).Id;

    public async Task<string> NewProduct(decimal price = 10, long stock = 100) => (await Post<Created>("/v1/products", new { Name = "Tea", Price = price, Stock = stock })).Id;

    public Task<OrderView> Place(string userId, string productId, long quantity = 1, string? idempotencyKey = null) =>
        Post<OrderView>("/v1/orders", new { UserId = userId, Items = new[] { new { ProductId = productId, Quantity = quantity } } }, idempotencyKey);

    public Task<OrderView> WaitFor(string orderId, string status) => Eventually.Get(async () =>
        await Get<OrderView>($"/v1/orders/{orderId}") is { } order && order.Status == status ? order : null, $"order {orderId} to be {status}");

    public sealed record Created(string Id);

    public sealed record OrderView(string Id, string Status, decimal Total, string? Reason, string? TrackingNumber);

    public sealed record MessageView(string Template, string Reference);

    public sealed record StockView(long OnHand, long Reserved, long Sold);

    public sealed record PaymentView(string Status, decimal Amount);

    public sealed record UserView(string Id, bool CommunicationSent);
}
