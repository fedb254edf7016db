using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lavka.Sidecar.Tests.Contract.Grpc;

/// <summary>A gRPC call that an app got.</summary>
/// <param name="IsOwn">Whether it is one of the app's own service: several messages, and how the call went.</param>
/// <param name="HasDeadline">Whether the caller waits for a limited time only.</param>
internal sealed record GrpcReceived(string Call, IReadOnlyDictionary<string, string> Metadata, bool IsOwn, bool HasDeadline)
{
    private readonly List<JsonElement> _messages = [];

    /// <summary>Whether the caller gave up before the app was done.</summary>
    public bool IsCancelled { get; set; }

    public void Add(JsonElement message)
    {
        lock (_messages)
        {
            _messages.Add(message);
        }
    }

    /// <summary>As the recordings write it.</summary>
    public JsonElement ToJson()
    {
        var json = new JsonObject { ["call"] = Call, ["metadata"] = JsonSerializer.SerializeToNode(Metadata) };
        lock (_messages)
        {
            if (IsOwn)
            {
                json["messages"] = JsonSerializer.SerializeToNode(_messages);
            }
            else
            {
                json["message"] = JsonSerializer.SerializeToNode(_messages[0]);
            }
        }

        if (HasDeadline && IsOwn)
        {
            json["hasDeadline"] = true;
        }

        if (IsCancelled && IsOwn)
        {
            json["cancelled"] = true;
        }

        return json.Deserialize<JsonElement>();
    }
}
