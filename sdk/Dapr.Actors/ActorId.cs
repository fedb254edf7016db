using System.Text.Json;
using System.Text.Json.Serialization;

namespace Dapr.Actors;

/// <summary>An actor's id within its type.</summary>
[JsonConverter(typeof(Converter))]
public class ActorId
{
    private readonly string _id;

    /// <summary>Makes one from a text.</summary>
    /// <param name="id">The text; not empty.</param>
    /// <exception cref="ArgumentException">It is empty.</exception>
    public ActorId(string id)
    {
        if (string.IsNullOrWhiteSpace(id))
        {
            throw new ArgumentException("The value cannot be null, empty or white spaces.", nameof(id));
        }

        _id = id;
    }

    /// <summary>Makes a new one.</summary>
    public static ActorId CreateRandom() => new(Guid.NewGuid().ToString());

    /// <summary>The id as text.</summary>
    public string GetId() => _id;

    /// <inheritdoc />
    public override string ToString() => _id;

    /// <inheritdoc />
    public override bool Equals(object? obj) => obj is ActorId other && _id.Equals(other._id, StringComparison.OrdinalIgnoreCase);

    /// <inheritdoc />
    public override int GetHashCode() => _id.GetHashCode(StringComparison.OrdinalIgnoreCase);

    private sealed class Converter : JsonConverter<ActorId>
    {
        public override ActorId? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.GetString() is { } id ? new(id) : null;

        public override void Write(Utf8JsonWriter writer, ActorId value, JsonSerializerOptions options) => writer.WriteStringValue(value.GetId());
    }
}
