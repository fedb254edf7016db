using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace Lavka.Sidecar.Tests.Contract.Grpc;

/// <summary>One recorded case: asks what was asked, and compares the answers, and what the apps get.</summary>
internal sealed partial class GrpcCase : IAsyncDisposable
{
    // Longer than any recorded answer took: a sidecar that does not answer fails the case, it does not hold it up. No deadline of gRPC, which the sidecar would see.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly HttpClient Http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseProxy = false, UseCookies = false });

    private readonly GrpcWorld _world;
    private readonly JsonElement _recorded;
    private readonly GrpcChannel _channel;
    private readonly Dictionary<string, RecordedStream> _streams = [];
    private string _etag = "";
    private string _subscription = "";

    private GrpcCase(GrpcWorld world, JsonElement recorded)
    {
        (_world, _recorded) = (world, recorded);
        _channel = GrpcChannel.ForAddress(world.Sidecar.Grpc, new()
        {
            HttpHandler = new SocketsHttpHandler { UseProxy = false },
            DisposeHttpClient = true,
            MaxReceiveMessageSize = null,
            MaxSendMessageSize = null,
        });
    }

    public static async Task Replay(GrpcWorld world, JsonElement recorded)
    {
        world.Forget();
        await using var one = new GrpcCase(world, recorded);
        foreach (var step in recorded.GetProperty("steps").EnumerateArray())
        {
            await one.Do(step);
        }

        if (recorded.TryGetProperty("appReceives", out var expected))
        {
            await one.CheckReceived("The app", expected, world.App!);
        }

        foreach (var peer in recorded.TryGetProperty("peersReceive", out var peers) ? peers.EnumerateObject() : default(IEnumerable<JsonProperty>) ?? [])
        {
            await one.CheckReceived(peer.Name, peer.Value, world.Peers[peer.Name]);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var stream in _streams.Values)
        {
            await stream.DisposeAsync();
        }

        _channel.Dispose();
    }

    private async Task Do(JsonElement step)
    {
        if (step.TryGetProperty("sleepSeconds", out var seconds))
        {
            // The recording waited for something that nobody tells: a TTL, a probe, a schedule.
            await Task.Delay(TimeSpan.FromSeconds(seconds.GetDouble()));
        }
        else if (step.TryGetProperty("redis", out var command))
        {
            var words = command.Deserialize<string[]>()!;
            await _world.Redis!.Do(words[0], [.. words.Skip(1)]);
        }
        else if (step.TryGetProperty("appAnswers", out var answers))
        {
            _world.App!.Change(answers);
        }
        else if (step.TryGetProperty("alive", out var alive))
        {
            var ended = step.GetProperty("response");
            var code = await _world.Sidecar.ExitCode(Seconds(alive, "withinSeconds", 10));
            Assert.Equal(ended.GetProperty("ended").GetBoolean(), code is not null);
            Assert.True(!ended.TryGetProperty("exitCode", out var expected) || expected.GetInt32() == code, $"It ended with {code}.");
        }
        else if (step.TryGetProperty("http", out var http))
        {
            await Ask(http, step.GetProperty("response"));
        }
        else if (step.TryGetProperty("open", out _) || step.TryGetProperty("on", out _))
        {
            await Stream(step);
        }
        else
        {
            await Call(step);
        }
    }

    private async Task Call(JsonElement step)
    {
        var name = Proto.FullName(step.GetProperty("call").GetString()!);
        var method = Proto.Find(name);
        var request = step.TryGetProperty("request", out var recorded) ? Proto.Parse(method!.InputType, Fill(recorded.GetRawText())).ToByteArray() : [];
        using var timeout = new CancellationTokenSource(Patience);
        DateTime? deadline = step.TryGetProperty("deadlineSeconds", out var seconds) ? DateTime.UtcNow.AddSeconds(seconds.GetDouble()) : null;
        using var call = _channel.CreateCallInvoker().AsyncUnaryCall(Proto.Raw(name, MethodType.Unary), null, new(Metadata(step), deadline, timeout.Token), request);
        JsonElement? message = null;
        RpcException? failure = null;
        try
        {
            var bytes = await call.ResponseAsync;
            message = method is null ? null : Proto.Print(method.OutputType, bytes);
        }
        catch (RpcException e) when (!timeout.IsCancellationRequested)
        {
            failure = e;
        }

        var answer = await GrpcAnswer.From(failure, call.ResponseHeadersAsync, call.GetTrailers, message);
        var expected = step.GetProperty("response");
        Expected.Check(expected, answer, name);
        if (answer.Message is not { } actual)
        {
            return;
        }

        _etag = actual.TryGetProperty("etag", out var etag) && etag.ValueKind == JsonValueKind.String ? etag.GetString()! : _etag;
        if (expected.TryGetProperty("message", out _))
        {
            var listed = step.TryGetProperty("listInAnyOrder", out var list) ? list.GetString() : null;
            var recordedMessage = Filled(Expected.Message(expected));
            actual = Expected.Recorded(method!, actual);
            if (step.TryGetProperty("compareOnly", out var only))
            {
                var kept = only.EnumerateArray().Select(member => member.GetString()).Concat(recordedMessage.EnumerateObject().Select(member => member.Name)).ToHashSet();
                actual = JsonSerializer.SerializeToElement(actual.EnumerateObject().Where(member => kept.Contains(member.Name)).ToDictionary(member => member.Name, member => member.Value));
            }

            Assert.True(Expected.Is(recordedMessage, actual, listed), $"{name}\n  came: {actual}\n  not:  {expected}");
        }
    }

    private async Task Stream(JsonElement step)
    {
        RecordedStream stream;
        var statuses = step.TryGetProperty("acks", out var acks) ? acks.EnumerateArray().Select(status => status.GetString()!) : null;
        if (step.TryGetProperty("open", out var opened))
        {
            var method = Proto.Find(Proto.FullName(step.GetProperty("call").GetString()!))!;
            _streams[opened.GetString()!] = stream = new(_channel.CreateCallInvoker(), method, Metadata(step), statuses ?? []);
        }
        else
        {
            stream = _streams[step.GetProperty("on").GetString()!];
            if (statuses is not null)
            {
                stream.Acknowledge(statuses);
            }
        }

        foreach (var message in step.TryGetProperty("send", out var send) ? send.EnumerateArray() : [])
        {
            await stream.Send(Fill(message.GetRawText()).Replace("$LAST_ID", stream.EventIds.LastOrDefault(), StringComparison.Ordinal).Replace("$FIRST_ID", stream.EventIds.FirstOrDefault(), StringComparison.Ordinal));
        }

        if (step.TryGetProperty("halfClose", out _))
        {
            await stream.HalfClose();
        }

        if (step.TryGetProperty("cancel", out _))
        {
            stream.Cancel();
        }

        var expected = step.GetProperty("received").EnumerateArray().Select(one => Filled(Expected.Message(one))).ToList();
        var endExpected = step.TryGetProperty("ended", out var ended);
        var (messages, end) = await stream.Take(expected.Count, endExpected, Seconds(step, "withinSeconds", 6), Seconds(step, "settleSeconds", 0.3));
        _subscription = stream.SubscriptionId ?? _subscription;
        var shown = $"{step}\n  came: {string.Join("\n        ", messages)}\n  end:  {end}";
        Assert.True(Expected.IsList(expected, messages, (one, other) => Expected.Is(one, other), step.TryGetProperty("anyOrder", out _)), shown);
        Assert.True(endExpected == end is not null, shown);
        if (endExpected)
        {
            Expected.Check(ended, end!, "The stream's end");
        }
    }

    private async Task Ask(JsonElement step, JsonElement expected)
    {
        using var request = new HttpRequestMessage(new(step.GetProperty("method").GetString()!), _world.Sidecar.Http.GetLeftPart(UriPartial.Authority) + step.GetProperty("path").GetString());
        if (step.TryGetProperty("json", out var json))
        {
            request.Content = new StringContent(json.GetRawText(), new MediaTypeHeaderValue("application/json"));
        }
        else if (step.TryGetProperty("text", out var text))
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(text.GetString()!));
        }

        foreach (var header in step.TryGetProperty("headers", out var headers) ? headers.EnumerateObject() : default(IEnumerable<JsonProperty>) ?? [])
        {
            request.Headers.TryAddWithoutValidation(header.Name, header.Value.GetString());
        }

        using var response = await Http.SendAsync(request);
        var body = await response.Content.ReadAsByteArrayAsync();
        var shown = $"{step}\n  came: {(int)response.StatusCode} {Encoding.UTF8.GetString(body)}\n  not:  {expected}";
        Assert.True((HttpStatusCode)expected.GetProperty("status").GetInt32() == response.StatusCode, shown);
        if (expected.GetProperty("body") is { ValueKind: JsonValueKind.Object } recorded)
        {
            // An error's message is for people.
            var isSame = recorded.TryGetProperty("$json", out var error) && error.ValueKind == JsonValueKind.Object && error.TryGetProperty("errorCode", out var code)
                ? Matches.TryParse(body) is { } actual && actual.GetProperty("errorCode").GetString() == code.GetString() && actual.GetProperty("message").GetString() != ""
                : Matches.Body(recorded, body);
            Assert.True(isSame, shown);
        }
    }

    private async Task CheckReceived(string who, JsonElement list, RecordedApp app)
    {
        var expected = list.EnumerateArray().Select(Filled).ToList();
        var name = _recorded.TryGetProperty("onlyNamed", out var named) ? named.GetString() : null;
        var sinceStart = _recorded.TryGetProperty("sinceStart", out _);
        List<object> Log() => [.. app.Log(sinceStart).Where(one => name is null || (one is GrpcReceived grpc && grpc.ToJson().GetProperty("message").TryGetProperty("name", out var value) && value.GetString() == name))];

        var watch = Stopwatch.StartNew();
        while (Log().Count < expected.Count && watch.Elapsed < Seconds(_recorded, "withinSeconds", 6))
        {
            await Task.Delay(5);
        }

        await Task.Delay(Seconds(_recorded, "settleSeconds", 0.4));
        var received = Log();
        if (_recorded.TryGetProperty("firstOnly", out var first))
        {
            received = [.. received.Take(first.GetInt32())];
        }

        var entriesInAnyOrder = _recorded.TryGetProperty("entriesInAnyOrder", out _);
        Assert.True(
            Expected.IsList(expected, received, (one, actual) => Expected.IsReceived(one, actual, entriesInAnyOrder), _recorded.TryGetProperty("anyOrder", out _)),
            $"{who} received\n  {string.Join("\n  ", received.Select(one => one is GrpcReceived grpc ? grpc.ToJson().ToString() : Shown((Lavka.Testing.Received)one)))}\nnot\n  {string.Join("\n  ", expected)}");
    }

    private static string Shown(Lavka.Testing.Received http) => $"{http.Method} {http.Path}?{http.Query} {JsonSerializer.Serialize(http.Headers)} {http.Text}";

    private static TimeSpan Seconds(JsonElement from, string member, double otherwise) => TimeSpan.FromSeconds(from.TryGetProperty(member, out var seconds) ? seconds.GetDouble() : otherwise);

    private Metadata Metadata(JsonElement step)
    {
        var metadata = new Metadata();
        foreach (var (name, value) in step.TryGetProperty("metadata", out var entries) ? entries.Deserialize<Dictionary<string, string>>()! : [])
        {
            if (name.EndsWith("-bin", StringComparison.Ordinal))
            {
                metadata.Add(name, Convert.FromBase64String(value));
            }
            else
            {
                metadata.Add(name, value);
            }
        }

        return metadata;
    }

    private JsonElement Filled(JsonElement expected) => JsonDocument.Parse(expected.GetRawText().Replace("$DIR", _world.Folder, StringComparison.Ordinal)).RootElement;

    private string Fill(string json) => Generated().Replace(json, match => Convert.ToBase64String(Encoding.ASCII.GetBytes(new string('x', int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)))))
        .Replace("$ETAG", _etag, StringComparison.Ordinal).Replace("$SUBID", _subscription, StringComparison.Ordinal)
        .Replace("$DIR", _world.Folder, StringComparison.Ordinal).Replace("$APP", $"127.0.0.1:{_world.App?.Port}", StringComparison.Ordinal);

    // A bytes field of that length.
    [GeneratedRegex(@"\((\d+) (?:bytes|times the letter x)\)")]
    private static partial Regex Generated();
}
