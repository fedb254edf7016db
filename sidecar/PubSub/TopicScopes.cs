using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.PubSub;

/// <summary>Which topics an app may publish and subscribe to (Dapr: developing-applications/building-blocks/pubsub/pubsub-scopes).</summary>
internal sealed class TopicScopes(ComponentMetadata metadata, string appId)
{
    private readonly HashSet<string> _allowed = List(metadata.Find("allowedTopics"));
    private readonly HashSet<string> _protected = List(metadata.Find("protectedTopics"));
    private readonly HashSet<string>? _publishing = Own(metadata.Find("publishingScopes"), appId);
    private readonly HashSet<string>? _subscribing = Own(metadata.Find("subscriptionScopes"), appId);

    public bool MayPublish(string topic) => May(topic, _publishing);

    public bool MaySubscribe(string topic) => May(topic, _subscribing);

    private bool May(string topic, HashSet<string>? own) =>
        (_allowed.Count == 0 || _allowed.Contains(topic)) && ((own is null && !_protected.Contains(topic)) || own?.Contains(topic) == true);

    private static HashSet<string> List(string? text) => [.. (text ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)];

    private static HashSet<string>? Own(string? text, string appId) => (text ?? "").Split(';', StringSplitOptions.TrimEntries)
        .Select(entry => entry.Split('=', 2, StringSplitOptions.TrimEntries))
        .Where(entry => entry.Length == 2 && entry[0] == appId)
        .Select(entry => List(entry[1]))
        .FirstOrDefault();
}
