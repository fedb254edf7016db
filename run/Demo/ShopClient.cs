using System.Net;
using System.Net.Http.Json;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;

namespace Lavka.Run.Demo;

internal sealed record User(string Id, string Email);

internal sealed record Product(string Id, string Name, decimal Price, long InitialStock);

internal sealed record Item(string ProductId, long Quantity, decimal? Price = null);

internal sealed record Order(string Id, string UserId, string Status, IReadOnlyList<Item> Items, decimal Total)
{
    [JsonIgnore]
    public bool IsFinished => Status is "delivered" or "cancelled" or "returned";
}

internal sealed record StockLevel(string ProductId, long OnHand, long Reserved, long Sold);

internal sealed record Payment(string OrderId, decimal Amount, string Status);

internal sealed record PaymentPage(IReadOnlyList<Payment> Items, string? NextCursor);

internal sealed record Shipment(string OrderId, string Status);

internal sealed record Message(string Template, string Reference);

internal sealed record Session(string Token, string UserId);

internal sealed record LedgerEntry(string EntryId, string OrderId, string Kind, string Debit, string Credit, decimal Amount);

internal sealed record LedgerPage(IReadOnlyList<LedgerEntry> Items, string? NextCursor);

internal sealed record Ledger(IReadOnlyList<LedgerAccount> Accounts, bool IsBalanced);

internal sealed record LedgerAccount(string Account, decimal Balance);

internal sealed record Account(string UserId, long Points);

internal sealed record Dashboard(int Generation, IReadOnlyDictionary<string, int> Orders, decimal Revenue);

internal sealed record OrderChange(string Status, DateTimeOffset At);

internal sealed record History(IReadOnlyList<OrderChange> Changes);

/// <summary>The Gateway's API. A service that is away is asked again until it is back: the demo goes on while services are killed.</summary>
internal sealed partial class ShopClient(Uri gateway)
{
    // v1 writes names so; v2 writes them as .NET does.
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = gateway };

    /// <exception cref="RunException">There is no shop; without this, every request would be repeated until there is.</exception>
    public async Task Greet(CancellationToken stop)
    {
        try
        {
            var answer = await _http.GetStringAsync(new Uri("/health", UriKind.Relative), stop);
            if (!answer.Contains("gateway-service", StringComparison.Ordinal))
            {
                throw new RunException($"What answers at {gateway} is not the shop's Gateway.");
            }
        }
        catch (HttpRequestException e)
        {
            throw new RunException($"There is no shop at {gateway}: {e.Message}");
        }
    }

    /// <summary>Whether a v2 resource can be read now; a service that is away is not waited for.</summary>
    public async Task<bool> Answers(Session who, string path, CancellationToken stop)
    {
        using var response = await _http.SendAsync(RequestOf(who, HttpMethod.Get, path, null, null), stop);
        return response.IsSuccessStatusCode;
    }

    /// <summary>Registers a user, or finds the one that has the address already.</summary>
    public async Task<User> Register(string email, string name, CancellationToken stop)
    {
        while (true)
        {
            using var response = await Send(() => new(HttpMethod.Post, "/v1/users") { Content = JsonContent.Create(new { email, name }) }, stop);
            if (response.IsSuccessStatusCode)
            {
                return await Read<User>(response, stop);
            }

            if ((await Find<List<User>>($"/v1/users?email={Uri.EscapeDataString(email)}", stop))?.FirstOrDefault() is { } user)
            {
                return user;
            }
        }
    }

    public async Task<Product> Add(string name, decimal price, long stock, CancellationToken stop)
    {
        using var response = await Send(() => new(HttpMethod.Post, "/v1/products") { Content = JsonContent.Create(new { name, price, stock }) }, stop);
        return await Read<Product>(response, stop);
    }

    /// <summary>Places an order. Because of the key, trying again cannot make two of it.</summary>
    public async Task<Order> Place(string userId, IReadOnlyList<Item> items, string idempotencyKey, CancellationToken stop)
    {
        using var response = await Send(() =>
        {
            var request = new HttpRequestMessage(HttpMethod.Post, "/v1/orders") { Content = JsonContent.Create(new { userId, items }, options: Json) };
            request.Headers.Add("Idempotency-Key", idempotencyKey);
            return request;
        }, stop);
        return await Read<Order>(response, stop);
    }

    /// <summary>Null where the answer is 404.</summary>
    public async Task<T?> Find<T>(string path, CancellationToken stop)
        where T : class
    {
        using var response = await Send(() => new(HttpMethod.Get, path), stop);
        return response.StatusCode == HttpStatusCode.NotFound ? null : await Read<T>(response, stop);
    }

    /// <summary>Every page of a list.</summary>
    public async Task<List<T>> All<T>(string path, CancellationToken stop)
    {
        var all = new List<T>();
        for (var next = path; next is not null;)
        {
            using var response = await Send(() => new(HttpMethod.Get, next), stop);
            all.AddRange(await Read<List<T>>(response, stop));
            next = response.Headers.TryGetValues("Link", out var links) && NextPage().Match(links.First()) is { Success: true } match ? match.Groups[1].Value : null;
        }

        return all;
    }

    public async Task<Session> SignIn(string email, string password, CancellationToken stop)
    {
        using var response = await Send(() => new(HttpMethod.Post, "/v2/sessions") { Content = JsonContent.Create(new { email, password }) }, stop);
        return await Read<Session>(response, JsonSerializerOptions.Web, stop);
    }

    /// <summary>Registers a user who can sign in, unless there is one, and signs in.</summary>
    public async Task<Session> RegisterAndSignIn(string email, string name, string password, CancellationToken stop)
    {
        using var registered = await Send(() => new(HttpMethod.Post, "/v2/users") { Content = JsonContent.Create(new { email, name, password }) }, stop);
        return registered.IsSuccessStatusCode || registered.StatusCode == HttpStatusCode.BadRequest
            ? await SignIn(email, password, stop)
            : throw new RunException($"'{email}' cannot register: {await registered.Content.ReadAsStringAsync(stop)}");
    }

    /// <summary>A request of v2; its answer may be a refusal.</summary>
    public Task<HttpResponseMessage> Send(Session who, HttpMethod method, string path, object? body, string? idempotencyKey, CancellationToken stop) =>
        Send(() => RequestOf(who, method, path, body, idempotencyKey), stop);

    /// <summary>What happens in the shop from now on, as it happens; over a lost connection it goes on.</summary>
    public async IAsyncEnumerable<(string Type, JsonElement Data)> Events(Session operators, [EnumeratorCancellation] CancellationToken stop)
    {
        string? last = null;
        while (!stop.IsCancellationRequested)
        {
            await using var events = Connected(operators, last, stop).GetAsyncEnumerator(stop);
            while (await Next(events))
            {
                last = events.Current.EventId ?? last;
                yield return (events.Current.EventType, events.Current.Data);
            }
        }

        static async Task<bool> Next(IAsyncEnumerator<SseItem<JsonElement>> events)
        {
            try
            {
                return await events.MoveNextAsync();
            }
            catch (Exception e) when (e is HttpRequestException or IOException)
            {
                return false;
            }
        }
    }

    private async IAsyncEnumerable<SseItem<JsonElement>> Connected(Session operators, string? last, [EnumeratorCancellation] CancellationToken stop)
    {
        using var response = await Send(() =>
        {
            var request = RequestOf(operators, HttpMethod.Get, "/v2/admin/events", null, null);
            if (last is not null)
            {
                request.Headers.Add("Last-Event-ID", last);
            }

            return request;
        }, stop, HttpCompletionOption.ResponseHeadersRead);
        response.EnsureSuccessStatusCode();
        await foreach (var item in SseParser.Create(await response.Content.ReadAsStreamAsync(stop), (_, data) => JsonElement.Parse(data)).EnumerateAsync(stop))
        {
            yield return item;
        }
    }

    private static HttpRequestMessage RequestOf(Session who, HttpMethod method, string path, object? body, string? idempotencyKey)
    {
        var request = new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body, options: JsonSerializerOptions.Web) };
        request.Headers.Authorization = new("Bearer", who.Token);
        if (idempotencyKey is not null)
        {
            request.Headers.Add("Idempotency-Key", idempotencyKey);
        }

        return request;
    }

    /// <summary>The answer of a v2 request that must succeed.</summary>
    public async Task<T> Ask<T>(Session who, HttpMethod method, string path, object? body, string? idempotencyKey, CancellationToken stop)
    {
        using var response = await Send(who, method, path, body, idempotencyKey, stop);
        return await Read<T>(response, JsonSerializerOptions.Web, stop);
    }

    private static Task<T> Read<T>(HttpResponseMessage response, CancellationToken stop) => Read<T>(response, Json, stop);

    private static async Task<T> Read<T>(HttpResponseMessage response, JsonSerializerOptions json, CancellationToken stop) => response.IsSuccessStatusCode
        ? (await response.Content.ReadFromJsonAsync<T>(json, stop))!
        : throw new RunException($"{response.RequestMessage!.Method} {response.RequestMessage.RequestUri!.PathAndQuery} was answered {(int)response.StatusCode}: {await response.Content.ReadAsStringAsync(stop)}");

    private async Task<HttpResponseMessage> Send(Func<HttpRequestMessage> request, CancellationToken stop, HttpCompletionOption until = HttpCompletionOption.ResponseContentRead)
    {
        while (true)
        {
            try
            {
                var response = await _http.SendAsync(request(), until, stop);
                if (response.StatusCode < HttpStatusCode.InternalServerError && response.StatusCode != HttpStatusCode.TooManyRequests)
                {
                    return response;
                }

                await Task.Delay(response.Headers.RetryAfter?.Delta ?? TimeSpan.Zero, stop);
                response.Dispose();
            }
            catch (HttpRequestException)
            {
                // The Gateway is on its way up.
            }

            await Task.Delay(Pause, stop);
        }
    }

    [GeneratedRegex("<([^>]+)>; rel=\"next\"")]
    private static partial Regex NextPage();
}
