using System.Text.Encodings.Web;
using System.Text.Json;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests.Contract;

/// <summary>What a recorded HTTP app answers: by path or by a prefix that ends in <c>*</c>, once or in turn.</summary>
internal sealed class HttpScript(JsonElement script)
{
    // As JavaScript writes it: the recordings hold the bytes.
    private static readonly JsonSerializerOptions EchoOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Dictionary<string, int> _hits = [];

    /// <summary>The hit counts start anew.</summary>
    public void Forget()
    {
        lock (_hits)
        {
            _hits.Clear();
        }
    }

    public Answer AnswerTo(Received request)
    {
        switch (request.Path)
        {
            case "/dapr/subscribe":
                return Member(script, "subscribe") is { } subscriptions ? Answer.Json(subscriptions.GetRawText()) : new(404);
            case "/dapr/config":
                return Member(script, "config") is { } config ? Answer.Json(config.GetRawText()) : new(404);
        }

        if (Member(script, "routes") is not { } routes)
        {
            return new(404);
        }

        var route = routes.EnumerateObject().Where(candidate => candidate.Name == request.Path || (candidate.Name.EndsWith('*') && request.Path.StartsWith(candidate.Name[..^1], StringComparison.Ordinal)))
            .OrderByDescending(candidate => candidate.Name == request.Path).ThenByDescending(candidate => candidate.Name.Length).FirstOrDefault();
        if (route.Value.ValueKind == JsonValueKind.Undefined)
        {
            return new(404);
        }

        var answer = route.Value;
        if (answer.ValueKind == JsonValueKind.Array)
        {
            lock (_hits)
            {
                var hit = _hits.GetValueOrDefault(route.Name);
                _hits[route.Name] = hit + 1;
                answer = answer[Math.Min(hit, answer.GetArrayLength() - 1)];
            }
        }

        return From(answer, request);
    }

    private static Answer From(JsonElement answer, Received request)
    {
        var headers = new Dictionary<string, string>(Member(answer, "headers")?.Deserialize<Dictionary<string, string>>() ?? [], StringComparer.OrdinalIgnoreCase);
        headers.Remove("content-type", out var contentType);
        if (Member(answer, "echo") is { ValueKind: JsonValueKind.True })
        {
            var query = System.Web.HttpUtility.ParseQueryString(request.Query);
            var echo = new
            {
                method = request.Method,
                path = request.Path,
                query = query.AllKeys.ToDictionary(key => key!, key => query[key]),
                contentType = request.Headers.GetValueOrDefault("content-type"),
                body = request.Text,
            };
            return Answer.Json(JsonSerializer.Serialize(echo, EchoOptions)) with { Headers = headers };
        }

        var delay = TimeSpan.FromSeconds(Member(answer, "delay")?.GetDouble() ?? 0);
        var status = Member(answer, "status")?.GetInt32() ?? 200;
        return Member(answer, "body") is not { } body ? new(status, Headers: headers, Delay: delay)
            : body.ValueKind == JsonValueKind.String ? new(status, body.GetString(), contentType ?? "text/plain", headers, delay)
            : new(status, body.GetRawText(), contentType ?? "application/json", headers, delay);
    }

    private static JsonElement? Member(JsonElement from, string name) =>
        from.ValueKind == JsonValueKind.Object && from.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
}
