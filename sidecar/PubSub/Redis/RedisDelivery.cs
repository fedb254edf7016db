namespace Lavka.Sidecar.PubSub.Redis;

/// <summary>A message that has been read for a subscription and waits for a worker.</summary>
internal sealed record RedisDelivery(RedisSubscription Subscription, string Id, Message Message);
