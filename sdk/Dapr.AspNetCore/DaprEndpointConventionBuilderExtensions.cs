using Dapr;

namespace Microsoft.AspNetCore.Builder;

/// <summary>Subscribes endpoints to topics.</summary>
public static class DaprEndpointConventionBuilderExtensions
{
    /// <summary>The endpoint takes all events of a topic.</summary>
    /// <param name="builder">The endpoint.</param>
    /// <param name="pubsubName">The pub/sub component.</param>
    /// <param name="name">The topic.</param>
    public static T WithTopic<T>(this T builder, string pubsubName, string name)
        where T : IEndpointConventionBuilder => builder.WithTopic(new TopicOptions { PubsubName = pubsubName, Name = name });

    /// <summary>The endpoint takes the events of a topic that the options say.</summary>
    /// <param name="builder">The endpoint.</param>
    /// <param name="topicOptions">What it takes.</param>
    public static T WithTopic<T>(this T builder, TopicOptions topicOptions)
        where T : IEndpointConventionBuilder
    {
        builder.WithMetadata(new TopicAttribute(topicOptions.PubsubName, topicOptions.Name)
        {
            EnableRawPayload = topicOptions.EnableRawPayload ? true : null,
            Match = topicOptions.Match,
            Priority = topicOptions.Priority,
            DeadLetterTopic = topicOptions.DeadLetterTopic,
        });
        foreach (var (name, value) in topicOptions.Metadata ?? new Dictionary<string, string>())
        {
            builder.WithMetadata(new TopicMetadataAttribute(name, value));
        }

        return builder;
    }
}
