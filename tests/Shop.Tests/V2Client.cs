using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lavka.Shop.Tests;

/// <summary>A client of the Gateway's v2 API.</summary>
public sealed class V2Client : IDisposable
{
    public V2Client(Uri gateway, string? token)
    {
        Http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = gateway };
        Http.DefaultRequestHeaders.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
    }

    public HttpClient Http { get; }

    public string UserId { get; private init; } = "";

    public string Token => Http.DefaultRequestHeaders.Authorization!.Parameter!;

    public static async Task<V2Client> SignIn(Uri gateway, string email, string password)
    {
        using var anybody = new V2Client(gateway, null);
        var session = await Read(await anybody.Post("/v2/sessions", new { email, password }));
        return new(gateway, (string)session["token"]!) { UserId = (string)session["userId"]! };
    }

    public void Dispose() => Http.Dispose();

    public Task<HttpResponseMessage> Send(HttpMethod method, string path, object? body = null, string? idempotencyKey = null)
    {
        var request = new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body, options: JsonSerializerOptions.Web) };
        if (idempotencyKey is not null)
        {
            request.Headers.Add("Idempotency-Key", idempotencyKey);
        }

        return Http.SendAsync(request);
    }

    public Task<HttpResponseMessage> Post(string path, object? body = null, string? idempotencyKey = null) => Send(HttpMethod.Post, path, body ?? new { }, idempotencyKey);

    /// <summary>The answer's JSON; fails where the answer is none of 2xx.</summary>
    public async Task<JsonNode> Get(string path) => await Read(await Send(HttpMethod.Get, path));

    public async Task<JsonNode> Created(string path, object body, string? idempotencyKey = null) => await Read(await Post(path, body, idempotencyKey));

    /// <summary>The answer's JSON; fails where the answer is none of 2xx.</summary>
    public static async Task<JsonNode> Read(HttpResponseMessage response)
    {
        using (response)
        {
            var text = await response.Content.ReadAsStringAsync();
            Assert.True(response.IsSuccessStatusCode, $"{response.RequestMessage?.RequestUri}: {(int)response.StatusCode} {text}");
            return JsonNode.Parse(text)!;
        }
    }

    /// <summary>The status and the problem's detail.</summary>
    public static async Task<(int Status, string Detail)> Problem(HttpResponseMessage response)
    {
        using (response)
        {
            var text = await response.Content.ReadAsStringAsync();
            Assert.True(response.Content.Headers.ContentType?.MediaType == "application/problem+json", $"{(int)response.StatusCode} {text}");
            return ((int)response.StatusCode, (string?)JsonNode.Parse(text)!["detail"] ?? "");
        }
    }
}
