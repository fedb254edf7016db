using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Lavka.Testing;
using Xunit.Sdk;

namespace Lavka.Sidecar.Tests.Contract.Grpc;

/// <summary>Compares what came with what was recorded; a message holds its notes on bytes in place of the base64 that differs each time.</summary>
internal static partial class Expected
{
    private const string OwnDeadline = "(the client's own deadline)";

    // What the app's HTTP server says of its own accord.
    private static readonly HashSet<string> UnrecordedHeaders = ["Date", "Server", "Connection", "Keep-Alive", "Content-Length", "Transfer-Encoding"];

    /// <summary>A recorded message. What its notes say with a placeholder is compared by the note, the rest by the base64.</summary>
    public static JsonElement Message(JsonElement recorded, string member = "message")
    {
        var message = JsonNode.Parse(recorded.GetProperty(member).GetRawText())!;
        foreach (var note in recorded.TryGetProperty("bytes", out var notes) ? notes.EnumerateObject() : default(IEnumerable<JsonProperty>) ?? [])
        {
            if (Varies().IsMatch(note.Value.GetRawText()))
            {
                Set(message, note.Name, JsonNode.Parse(note.Value.GetRawText())!);
            }
        }

        return message.Deserialize<JsonElement>();
    }

    /// <summary>What of an answer was recorded: not the app's port, and of what an HTTP binding's server said not what any server says.</summary>
    public static JsonElement Recorded(MethodDescriptor method, JsonElement message)
    {
        var copy = JsonNode.Parse(message.GetRawText())!;
        switch (method.Name)
        {
            case "GetMetadata":
                copy["appConnectionProperties"]?.AsObject().Remove("port");
                break;
            case "InvokeBinding" when copy["metadata"] is JsonObject metadata:
                UnrecordedHeaders.ToList().ForEach(header => metadata.Remove(header));
                break;
        }

        return copy.Deserialize<JsonElement>();
    }

    /// <param name="anyOrder">A member whose items may come in any order.</param>
    public static bool Is(JsonElement expected, JsonElement actual, string? anyOrder = null)
    {
        if (expected.ValueKind == JsonValueKind.Object && actual.ValueKind == JsonValueKind.String)
        {
            return IsBytes(expected, actual.GetBytesFromBase64());
        }

        if (expected.ValueKind != actual.ValueKind)
        {
            return false;
        }

        return expected.ValueKind switch
        {
            JsonValueKind.Array => IsList([.. expected.EnumerateArray()], [.. actual.EnumerateArray()], (one, other) => Is(one, other), inAnyOrder: false),
            JsonValueKind.Object => expected.GetPropertyCount() == actual.GetPropertyCount() && expected.EnumerateObject().All(member => actual.TryGetProperty(member.Name, out var value)
                && (member.Name == anyOrder ? IsList([.. member.Value.EnumerateArray()], [.. value.EnumerateArray()], (one, other) => Is(one, other), inAnyOrder: true) : Is(member.Value, value))),
            _ => Matches.Json(expected, actual),
        };
    }

    public static bool IsList<T>(IReadOnlyList<JsonElement> expected, IReadOnlyList<T> actual, Func<JsonElement, T, bool> isSame, bool inAnyOrder)
    {
        if (expected.Count != actual.Count)
        {
            return false;
        }

        var rest = actual.ToList();
        foreach (var one in expected)
        {
            var match = inAnyOrder ? rest.FindIndex(candidate => isSame(one, candidate)) : 0;
            if (match < 0 || !isSame(one, rest[match]))
            {
                return false;
            }

            rest.RemoveAt(match);
        }

        return true;
    }

    /// <summary>Status, details, and the headers and trailers listed; the text has to be there, its words are for people.</summary>
    public static void Check(JsonElement expected, GrpcAnswer actual, string shown)
    {
        shown = $"{shown}\n  came: {actual}\n  not:  {expected}";
        var hasText = expected.TryGetProperty("text", out var text);
        if (hasText && text.GetString() == OwnDeadline)
        {
            // The sidecar may give up in the same instant.
            Assert.True(actual.Status.StatusCode != StatusCode.OK, shown);
            return;
        }

        Assert.True(Proto.Code(expected.GetProperty("status").GetString()!) == actual.Status.StatusCode, shown);
        Assert.True(!hasText || text.GetString() == "" || actual.Status.Detail != "", shown);
        var details = expected.TryGetProperty("details", out var list) ? list.EnumerateArray().Select(WithoutDescriptions).ToList() : [];
        Assert.True(IsList(details, [.. actual.Details.Select(WithoutDescriptions)], (one, other) => Is(one, other), inAnyOrder: false), "Details: " + shown);
        foreach (var (member, entries) in new[] { ("headers", actual.Headers), ("trailers", actual.Trailers) })
        {
            foreach (var entry in expected.TryGetProperty(member, out var listed) ? listed.EnumerateObject() : default(IEnumerable<JsonProperty>) ?? [])
            {
                Assert.True(Matches.Text(entry.Value.GetString()!, entries.GetValueOrDefault(entry.Name)), $"{member} {entry.Name}: {shown}");
            }
        }
    }

    /// <summary>Whether the app got what was recorded, by HTTP or by gRPC.</summary>
    public static bool IsReceived(JsonElement expected, object actual, bool entriesInAnyOrder) => actual switch
    {
        Received http => expected.TryGetProperty("method", out _) && IsRequest(expected, http),
        GrpcReceived grpc => expected.TryGetProperty("call", out _) && IsCall(expected, grpc.ToJson(), entriesInAnyOrder),
        _ => throw new XunitException($"{actual} is no call."),
    };

    private static bool IsCall(JsonElement expected, JsonElement actual, bool entriesInAnyOrder)
    {
        if (!expected.TryGetProperty("message", out _))
        {
            return Is(expected, actual);
        }

        return expected.GetProperty("call").GetString() == actual.GetProperty("call").GetString() && Is(expected.GetProperty("metadata"), actual.GetProperty("metadata"))
            && Is(Message(expected), actual.GetProperty("message"), entriesInAnyOrder ? "entries" : null);
    }

    private static bool IsRequest(JsonElement expected, Received actual)
    {
        var query = System.Web.HttpUtility.ParseQueryString(actual.Query);
        return expected.GetProperty("method").GetString() == actual.Method && expected.GetProperty("path").GetString() == actual.Path
            && expected.GetProperty("headers").EnumerateObject().All(header => Matches.Text(header.Value.GetString()!, actual.Headers.GetValueOrDefault(header.Name)))
            && (!expected.TryGetProperty("query", out var parameters) || parameters.EnumerateObject().All(parameter => query[parameter.Name] == parameter.Value.GetString()))
            && (!expected.TryGetProperty("httpVersion", out var version) || actual.Protocol == $"HTTP/{version.GetString()!.Replace(".0", "", StringComparison.Ordinal)}")
            && Matches.Body(expected.GetProperty("body"), actual.Body);
    }

    private static bool IsBytes(JsonElement note, byte[] actual)
    {
        if (note.TryGetProperty("$text", out var text) && Length().Match(text.GetString()!) is { Success: true } length)
        {
            return actual.Length == int.Parse(length.Groups[1].Value, CultureInfo.InvariantCulture);
        }

        return Matches.Body(note, actual);
    }

    private static void Set(JsonNode message, string path, JsonNode value)
    {
        var steps = path.Split('.', '[').Select(step => step.TrimEnd(']')).ToList();
        var parent = steps.SkipLast(1).Aggregate(message, (node, step) => (node is JsonArray list ? list[int.Parse(step, CultureInfo.InvariantCulture)] : node[step])!);
        parent[steps[^1]] = value;
    }

    private static JsonElement WithoutDescriptions(JsonElement detail)
    {
        var copy = JsonNode.Parse(detail.GetRawText())!;
        foreach (var node in copy["fieldViolations"] is JsonArray violations ? [copy, .. violations] : (JsonNode?[])[copy])
        {
            node!.AsObject().Remove("description");
        }

        return copy.Deserialize<JsonElement>();
    }

    [GeneratedRegex(@"\$(?!json|text|base64)[A-Za-z]+|\(\d+ characters\)")]
    private static partial Regex Varies();

    [GeneratedRegex(@"^(?:\(|\$ciphertext of )(\d+) (?:characters\)|bytes)$")]
    private static partial Regex Length();
}
