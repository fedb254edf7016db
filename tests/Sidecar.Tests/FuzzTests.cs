using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Lavka.Sidecar.Testing;

namespace Lavka.Sidecar.Tests;

/// <summary>
/// Random requests at every API. The seed is in the failure's message; LAVKA_FUZZ_SEED repeats it, LAVKA_FUZZ_REQUESTS says how many (the gate: 30,000).
/// </summary>
public sealed class FuzzTests
{
    private const int Workers = 4;
    private static readonly int Requests = int.Parse(Environment.GetEnvironmentVariable("LAVKA_FUZZ_REQUESTS") ?? "5000", System.Globalization.CultureInfo.InvariantCulture);
    private static readonly int Seed = int.TryParse(Environment.GetEnvironmentVariable("LAVKA_FUZZ_SEED"), out var seed) ? seed : Random.Shared.Next();

    private static readonly string[] Methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];

    private static readonly string[] Words =
    [
        "v1.0", "v1.0-alpha1", "state", "publish", "bulk", "invoke", "method", "actors", "timers", "reminders", "secrets", "bindings", "configuration", "subscribe", "lock", "unlock", "jobs",
        "metadata", "healthz", "transaction", "query", "pubsub", "statestore", "secretstore", "files", "config", "locks", "app", "other", "Cart", "1", "t", "k", "..", ".", "", "%2F", "%00", "%zz", "a%20b", "ключ",
        "http:", "127.0.0.1:1", "%25", "||", "a||b", "*", "#", "~",
    ];

    private static readonly string[] Paths =
    [
        "/v1.0/state/statestore", "/v1.0/state/statestore/k", "/v1.0/state/statestore/bulk", "/v1.0/state/statestore/transaction", "/v1.0/publish/pubsub/t", "/v1.0/publish/bulk/pubsub/t",
        "/v1.0/actors/Cart/1/method/m", "/v1.0/actors/Cart/1/state", "/v1.0/actors/Cart/1/state/k", "/v1.0/actors/Cart/1/timers/t", "/v1.0/actors/Cart/1/reminders/r", "/v1.0/bindings/files",
        "/v1.0-alpha1/lock/locks", "/v1.0-alpha1/unlock/locks", "/v1.0-alpha1/jobs/j", "/v1.0/metadata", "/v1.0/metadata/x", "/v1.0/invoke/app/method/x", "/v1.0/secrets/secretstore/PATH",
        "/v1.0/secrets/secretstore/bulk", "/v1.0/configuration/config", "/v1.0/healthz",
    ];

    private static readonly string[] Values =
    [
        "null", "true", "0", "-1", "1e400", "9007199254740993", "\"\"", "\"x\"", "\"\\ud800\"", "[]", "{}", "[null]", "\"5s\"", "\"R3/PT1S\"", "\"P1Y\"", "\"@every 1s\"", "\"* * * * * *\"", "\"2020-01-01T00:00:00Z\"",
        "\"text/plain\"", "\"application/json\"", "\"upsert\"", "\"delete\"", "\"first-write\"", "\"create\"", "\"get\"", "\"../../x\"", "{\"ttlInSeconds\":\"x\"}", "{\"fileName\":\"f\"}", "[[[[[[[[]]]]]]]]",
    ];

    private static readonly string[] Fields =
    [
        "key", "value", "etag", "metadata", "options", "concurrency", "operations", "operation", "request", "keys", "entryId", "event", "contentType", "data", "dueTime", "period", "ttl", "schedule", "repeats",
        "failurePolicy", "resourceId", "lockOwner", "expiryInSeconds", "overwrite", "callback",
    ];

    private static readonly (string Name, string[] Values)[] Headers =
    [
        ("Content-Type", ["application/json", "application/cloudevents+json", "text/plain", "application/octet-stream", ";", "a/b; c"]), ("If-Match", ["x", "\"\"", "*"]),
        ("dapr-app-id", ["app", "other", "http://127.0.0.1:1", "a.b.c"]), ("traceparent", ["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "junk"]), ("X-Some", ["\u00e9"]),
        ("Authorization", ["Basic !!!", "Basic ZGFwci1hcHAtaWQ6YXBw"]), ("Dapr-Reentrancy-Id", ["1"]),
    ];

    [Fact]
    public async Task Whatever_is_asked_gets_an_answer_and_harms_nothing()
    {
        await using var test = await TestApp.Start(answer: request => request.Path == "/dapr/config" ? Lavka.Testing.Answer.Json("""{"entities":["Cart"]}""") : null, options: new EmbeddedSidecarOptions
        {
            Resources =
            [
                TestApp.Component("pubsub", "pubsub.in-memory"), TestApp.Component("statestore", "state.in-memory", ("actorStateStore", "true")), TestApp.Component("secretstore", "secretstores.local.env"),
                TestApp.Component("files", "bindings.localstorage", ("rootPath", "files")), TestApp.Component("locks", "lock.embedded", ("path", "locks.db")),
            ],
        });
        var memory = GC.GetTotalMemory(forceFullCollection: true);
        var statuses = new ConcurrentDictionary<int, int>();
        await Task.WhenAll(Enumerable.Range(0, Workers).Select(worker => Task.Run(async () =>
        {
            var random = new Random(Seed + worker);
            for (var i = worker; i < Requests; i += Workers)
            {
                var status = await Ask(test.Dapr.HttpPort, Request(random));
                statuses.AddOrUpdate(status, 1, (_, count) => count + 1);
            }
        })));

        // That something was tested at all.
        Assert.Superset(new HashSet<int> { 200, 204, 400, 404, 500 }, statuses.Keys.ToHashSet());
        Assert.True(statuses.GetValueOrDefault(0) < statuses.Values.Sum() / 100, $"{statuses.GetValueOrDefault(0)} of {statuses.Values.Sum()} had no answer, seed {Seed}");

        // It has kept nothing to speak of, it lives, and does what it did before.
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - memory, long.MinValue, 100 * 1024 * 1024);
        Assert.Equal(HttpStatusCode.NoContent, (await test.Get("/v1.0/healthz")).Status);
        Assert.Equal(HttpStatusCode.NoContent, (await test.Post("/v1.0/state/statestore", """[{"key":"after","value":1}]""")).Status);
        Assert.Equal("1", (await test.Get("/v1.0/state/statestore/after")).Body);
    }

    private static byte[] Request(Random random)
    {
        var method = Pick(random, Methods);
        var target = new StringBuilder();

        // Half of them are what somebody might ask, with bodies that nobody would send.
        target.Append(random.Next(2) == 0 ? Pick(random, Paths) : random.Next(5) == 0 ? "" : "/v1.0" + (random.Next(4) == 0 ? "-alpha1" : ""));
        foreach (var word in Enumerable.Range(0, target.Length > 12 ? Math.Max(0, random.Next(5) - 3) : random.Next(7)).Select(_ => Pick(random, Words)))
        {
            target.Append('/').Append(string.Concat(word.Select(c => c > 127 || c == ' ' ? Uri.EscapeDataString(c.ToString()) : c.ToString())));
        }

        if (random.Next(3) == 0)
        {
            target.Append('?').Append(Pick(random, ["metadata.ttlInSeconds=1", "metadata.rawPayload=x", "concurrency=first-write", "key=a&key=", "metadata.=", "%zz", "&&;", "consistency=strange"]));
        }

        var path = target.Length == 0 ? "/" : target.ToString();
        var body = Encoding.UTF8.GetBytes(random.Next(5) == 0 ? new string('x', random.Next(200)) : Json(random, 3));
        if (random.Next(10) == 0)
        {
            random.NextBytes(body);
        }

        var head = new StringBuilder($"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close{(random.Next(5) == 0 ? ", X-Some" : "")}\r\nContent-Length: {body.Length}\r\n");
        foreach (var (name, values) in Headers.Where(_ => random.Next(5) == 0))
        {
            head.Append($"{name}: {Pick(random, values)}\r\n");
        }

        return [.. Encoding.Latin1.GetBytes(head + "\r\n"), .. body];
    }

    private static string Json(Random random, int depth) => depth == 0 ? Pick(random, Values) : random.Next(4) switch
    {
        0 => Pick(random, Values),
        1 => $"[{string.Join(',', Enumerable.Range(0, random.Next(4)).Select(_ => Json(random, depth - 1)))}]",
        _ => $"{{{string.Join(',', Enumerable.Range(0, random.Next(5)).Select(_ => $"\"{Pick(random, Fields)}\":{Json(random, depth - 1)}"))}}}",
    };

    private static T Pick<T>(Random random, T[] from) => from[random.Next(from.Length)];

    /// <summary>The answer's status; 0: there was none.</summary>
    private static async Task<int> Ask(int port, byte[] request)
    {
        // A connection each, and bytes as they are: an HTTP client would not send the worst of it.
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, port);
        var stream = client.GetStream();
        await stream.WriteAsync(request);
        using var answer = new MemoryStream();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var shown = $"seed {Seed}: {Encoding.Latin1.GetString(request)}";
        try
        {
            await stream.CopyToAsync(answer, limit.Token);
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"No answer within 20 seconds to {shown}");
        }
        catch (IOException)
        {
            // The server may close a connection that it takes for broken.
            return 0;
        }

        var text = Encoding.UTF8.GetString(answer.ToArray());
        if (text.Length == 0)
        {
            return 0;
        }

        var status = int.Parse(text.AsSpan(9, 3), System.Globalization.CultureInfo.InvariantCulture);
        var isHead = Encoding.Latin1.GetString(request, 0, 4) == "HEAD";
        if (status >= 500 && !isHead)
        {
            var error = JsonDocument.Parse(text[(text.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..]).RootElement;
            Assert.True(error.TryGetProperty("errorCode", out var code) && code.GetString() != "ERROR" || error.TryGetProperty("message", out _) && error.GetPropertyCount() == 1, $"{text}\nto {shown}");
        }

        return status;
    }
}
