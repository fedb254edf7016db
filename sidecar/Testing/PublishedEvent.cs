using System.Text;
using System.Text.Json;

namespace Lavka.Sidecar.Testing;

/// <summary>An event on its way through a broker.</summary>
/// <param name="PubSub">The pub/sub component.</param>
/// <param name="Topic">The topic.</param>
/// <param name="Body">As the broker has it: a CloudEvent in JSON, or whatever was published raw.</param>
/// <param name="Metadata">The publish request's metadata.</param>
public sealed record PublishedEvent(string PubSub, string Topic, ReadOnlyMemory<byte> Body, IReadOnlyDictionary<string, string> Metadata)
{
    /// <summary>The CloudEvent's <c>id</c>; null for a raw message.</summary>
    public string? Id => Attribute("id");

    /// <summary>The CloudEvent's <c>type</c>; null for a raw message.</summary>
    public string? Type => Attribute("type");

    /// <summary>The CloudEvent's data.</summary>
    /// <exception cref="JsonException">It is no such data, or no CloudEvent.</exception>
    public T Data<T>(JsonSerializerOptions? options = null)
    {
        using var envelope = JsonDocument.Parse(Body);
        return envelope.RootElement.GetProperty("data").Deserialize<T>(options ?? JsonSerializerOptions.Web)!;
    }

    /// <summary>Topic and body, for a failed test's message.</summary>
    public override string ToString() => $"{PubSub}/{Topic} {Encoding.UTF8.GetString(Body.Span)}";

    private string? Attribute(string name)
    {
        try
        {
            using var envelope = JsonDocument.Parse(Body);
            return envelope.RootElement.ValueKind == JsonValueKind.Object && envelope.RootElement.TryGetProperty(name, out var value) ? value.ToString() : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
