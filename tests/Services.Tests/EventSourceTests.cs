using Lavka.ServiceDefaults;
using Microsoft.Extensions.Configuration;

namespace Lavka.Services.Tests;

public sealed class EventSourceTests
{
    [Theory]
    [InlineData(null, "orders", "pubsub")]
    [InlineData(null, "orders.dead-letters", "pubsub")]
    [InlineData("false", "orders", "pubsub")]
    [InlineData("true", "orders", "pubsub-orders")]
    [InlineData("true", "orders.dead-letters", "pubsub-dead-letters")]
    [InlineData("true", "catalog.dead-letters", "pubsub-dead-letters")]
    public void A_service_listens_through_one_component_or_through_one_for_each_topic(string? apart, string topic, string expected) =>
        Assert.Equal(expected, EventSource.Of(new ConfigurationBuilder().AddInMemoryCollection([new("SUBSCRIBE_APART", apart)]).Build(), topic));
}
