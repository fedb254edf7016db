using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Lavka.Testing;
using Xunit.Abstractions;
using Xunit.Sdk;

namespace Lavka.Sidecar.Tests.Contract;

/// <summary>Names a recorded world.</summary>
public interface IWorld
{
    static abstract string Name { get; }
}

/// <summary>A recorded world, running for as long as its tests.</summary>
public sealed class World<TWorld> : IAsyncLifetime
    where TWorld : IWorld
{
    internal RunningWorld? Running { get; private set; }

    public async Task InitializeAsync()
    {
        // Without its broker the world's tests are skipped.
        var world = Recording.World(TWorld.Name);
        if (!world.TryGetProperty("broker", out _) || RabbitMqServer.WhatIsMissing is null)
        {
            Running = await RunningWorld.Start(world);
        }
    }

    public async Task DisposeAsync() => await (Running?.DisposeAsync() ?? default);
}

/// <summary>A world's cases run in their order.</summary>
public sealed class RecordedOrder : ITestCaseOrderer
{
    public IEnumerable<TTestCase> OrderTestCases<TTestCase>(IEnumerable<TTestCase> testCases)
        where TTestCase : ITestCase => testCases.OrderBy(test => test.TestMethodArguments?[0] as int?);
}

public sealed class ActorsContractTests(World<ActorsContractTests> world) : ContractTests<ActorsContractTests>(world), IWorld
{
    public static string Name => "actors";
}

public sealed class DeclarativeContractTests(World<DeclarativeContractTests> world) : ContractTests<DeclarativeContractTests>(world), IWorld
{
    public static string Name => "declarative";
}

public sealed class InvokeContractTests(World<InvokeContractTests> world) : ContractTests<InvokeContractTests>(world), IWorld
{
    public static string Name => "invoke";
}

public sealed class MiscContractTests(World<MiscContractTests> world) : ContractTests<MiscContractTests>(world), IWorld
{
    public static string Name => "misc";
}

public sealed class PubSubContractTests(World<PubSubContractTests> world) : ContractTests<PubSubContractTests>(world), IWorld
{
    public static string Name => "pubsub";
}

public sealed class ResiliencyContractTests(World<ResiliencyContractTests> world) : ContractTests<ResiliencyContractTests>(world), IWorld
{
    public static string Name => "resiliency";
}

public sealed class StateContractTests(World<StateContractTests> world) : ContractTests<StateContractTests>(world), IWorld
{
    public static string Name => "state";
}

public sealed class TokensContractTests(World<TokensContractTests> world) : ContractTests<TokensContractTests>(world), IWorld
{
    public static string Name => "tokens";
}

public sealed class RabbitMqContractTests(World<RabbitMqContractTests> world) : Replays<RabbitMqContractTests>(world), IWorld
{
    public static string Name => "rabbitmq";

    [RabbitMqTheory]
    [MemberData(nameof(Cases))]
    public Task It_answers_as_daprd_does(int index, string name) => Replay(index, name);
}

/// <summary>Replays every case of a world.</summary>
public abstract class ContractTests<TWorld>(World<TWorld> world) : Replays<TWorld>(world)
    where TWorld : IWorld
{
    [Theory]
    [MemberData(nameof(Cases))]
    public Task It_answers_as_daprd_does(int index, string name) => Replay(index, name);
}

/// <summary>Asks a world's recorded questions and compares the answers, and what the app gets.</summary>
[TestCaseOrderer("Lavka.Sidecar.Tests.Contract.RecordedOrder", "Sidecar.Tests")]
public abstract class Replays<TWorld>(World<TWorld> world) : IClassFixture<World<TWorld>>
    where TWorld : IWorld
{
    private static readonly HttpClient Http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseProxy = false, UseCookies = false });

    public static IEnumerable<object[]> Cases => Recording.CasesOf(TWorld.Name);

    protected async Task Replay(int index, string name)
    {
        var running = world.Running!;
        running.Forget();
        var recorded = Recording.Case(TWorld.Name, index);
        var etag = "";
        foreach (var step in recorded.GetProperty("steps").EnumerateArray())
        {
            if (step.TryGetProperty("sleepSeconds", out var seconds))
            {
                // The recording waited for a TTL.
                await Task.Delay(TimeSpan.FromSeconds(seconds.GetDouble()));
                continue;
            }

            using var request = Request(step.GetProperty("request"), running, etag);
            using var response = await Http.SendAsync(request);
            var body = await response.Content.ReadAsByteArrayAsync();
            etag = Header(response, "etag") ?? etag;
            Check(step, response, body, name);
        }

        if (recorded.TryGetProperty("appReceives", out var expected))
        {
            await CheckReceived(recorded, [.. expected.EnumerateArray()], running.App!);
        }
    }

    private static HttpRequestMessage Request(JsonElement step, RunningWorld running, string etag)
    {
        string Fill(string text) => text.Replace("$ETAG", etag, StringComparison.Ordinal).Replace("$APP", $"127.0.0.1:{running.App?.Port}", StringComparison.Ordinal);
        var uri = new Uri(running.Sidecar.HttpEndpoint.GetLeftPart(UriPartial.Authority) + Fill(step.GetProperty("path").GetString()!), new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
        var request = new HttpRequestMessage(new HttpMethod(step.GetProperty("method").GetString()!), uri);
        if (step.TryGetProperty("json", out var json))
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(Fill(Spaced(json))));
            request.Content.Headers.TryAddWithoutValidation("Content-Type", "application/json");
        }
        else if (step.TryGetProperty("text", out var text))
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(text.GetString()!));
        }

        if (step.TryGetProperty("headers", out var headers))
        {
            foreach (var header in headers.EnumerateObject())
            {
                if (!request.Headers.TryAddWithoutValidation(header.Name, Fill(header.Value.GetString()!)))
                {
                    request.Content ??= new ByteArrayContent([]);
                    request.Content.Headers.Remove(header.Name);
                    request.Content.Headers.TryAddWithoutValidation(header.Name, header.Value.GetString());
                }
            }
        }

        return request;
    }

    /// <summary>JSON as the recorder sent it, with a space after colons and commas: a few answers repeat it letter by letter.</summary>
    private static string Spaced(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.Object => "{" + string.Join(", ", json.EnumerateObject().Select(member => $"{JsonSerializer.Serialize(member.Name)}: {Spaced(member.Value)}")) + "}",
        JsonValueKind.Array => "[" + string.Join(", ", json.EnumerateArray().Select(Spaced)) + "]",
        _ => json.GetRawText(),
    };

    private static string? Header(HttpResponseMessage response, string name) =>
        response.Headers.NonValidated.TryGetValues(name, out var values) || response.Content.Headers.NonValidated.TryGetValues(name, out values) ? values.First() : null;

    private static void Check(JsonElement step, HttpResponseMessage response, byte[] body, string name)
    {
        var expected = step.GetProperty("response");
        var shown = $"{name}: {(int)response.StatusCode} {Encoding.UTF8.GetString(body)}";
        Assert.True(expected.GetProperty("status").GetInt32() == (int)response.StatusCode, shown);
        foreach (var header in expected.GetProperty("headers").EnumerateObject())
        {
            Assert.True(Matches.Text(header.Value.GetString()!, Header(response, header.Name)), $"{shown}: header {header.Name} is {Header(response, header.Name)}, not {header.Value}");
        }

        if (!expected.TryGetProperty("body", out var recorded) || recorded.ValueKind != JsonValueKind.Object)
        {
            return;
        }

        if (recorded.TryGetProperty("$json", out var json) && json.ValueKind == JsonValueKind.Object && json.TryGetProperty("errorCode", out var errorCode))
        {
            var actual = Matches.TryParse(body) ?? throw new XunitException(shown);
            Assert.Equal(errorCode.GetString(), actual.GetProperty("errorCode").GetString());
            Assert.False(string.IsNullOrEmpty(actual.GetProperty("message").GetString()), shown);
            Assert.Equal(Reasons(json), Reasons(actual));
            return;
        }

        Assert.True(Matches.Body(recorded, body), $"{shown}, not {recorded.GetRawText()}");
    }

    private static string[] Reasons(JsonElement error) => !error.TryGetProperty("details", out var details) ? []
        : [.. details.EnumerateArray().Select(detail => detail.TryGetProperty("reason", out var reason) ? reason.GetString()! : "")];

    private static async Task CheckReceived(JsonElement recorded, List<JsonElement> expected, ScriptedApp app)
    {
        var watch = Stopwatch.StartNew();
        while (app.Log.Count < expected.Count && watch.Elapsed.TotalSeconds < recorded.GetProperty("withinSeconds").GetDouble())
        {
            await Task.Delay(5);
        }

        await Task.Delay(TimeSpan.FromSeconds(recorded.GetProperty("settleSeconds").GetDouble()));
        var received = app.Log.ToList();
        var shown = string.Join("\n", received.Select(one => $"{one.Method} {one.Path} {one.Text}"));
        Assert.True(expected.Count == received.Count, $"The app received {received.Count} requests, not {expected.Count}:\n{shown}");
        foreach (var one in expected)
        {
            var match = recorded.GetProperty("anyOrder").GetBoolean() ? received.FirstOrDefault(candidate => IsSame(one, candidate)) : received[0];
            Assert.True(match is not null && IsSame(one, match), $"Not received: {one.GetRawText()}\nbut:\n{shown}");
            received.Remove(match);
        }
    }

    private static bool IsSame(JsonElement expected, Received actual)
    {
        if (expected.GetProperty("method").GetString() != actual.Method || expected.GetProperty("path").GetString() != actual.Path)
        {
            return false;
        }

        if (expected.TryGetProperty("headers", out var headers) && !headers.EnumerateObject().All(header => Matches.Text(header.Value.GetString()!, actual.Headers.GetValueOrDefault(header.Name))))
        {
            return false;
        }

        var query = System.Web.HttpUtility.ParseQueryString(actual.Query);
        return (!expected.TryGetProperty("query", out var parameters) || parameters.EnumerateObject().All(parameter => query[parameter.Name] == parameter.Value.GetString()))
            && Matches.Body(expected.GetProperty("body"), actual.Body);
    }
}
