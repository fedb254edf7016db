namespace Dapr;

/// <summary>A piece of an endpoint's subscription metadata.</summary>
/// <param name="name">Its name, for example <c>rawPayload</c>.</param>
/// <param name="value">Its value.</param>
[AttributeUsage(AttributeTargets.All, AllowMultiple = true)]
public class TopicMetadataAttribute(string name, string value) : Attribute
{
    /// <summary>Its name.</summary>
    public string Name { get; } = name;

    /// <summary>Its value.</summary>
    public string Value { get; } = value;
}
