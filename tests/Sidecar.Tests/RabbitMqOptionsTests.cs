using Lavka.Sidecar.PubSub;
using Lavka.Sidecar.Resources;
using Microsoft.Extensions.Logging.Abstractions;
using YamlDotNet.RepresentationModel;

namespace Lavka.Sidecar.Tests;

/// <summary>What <c>pubsub.rabbitmq</c> does with its fields, and without a RabbitMQ.</summary>
public sealed class RabbitMqOptionsTests
{
    private static readonly SubscribeRequest Request = new("t", "group", PubSub.Message.NoMetadata);

    [Theory]
    [InlineData("rabbitmq://user:s3cr3t@host")]
    [InlineData("user:s3cr3t@host")]
    [InlineData("amqp://user:s3#cr3t@host")]
    [InlineData("amqp://user:12#cr3t@host")]
    [InlineData("amqp://user:12/cr3t@host")]
    [InlineData("amqp://user:12?cr3t@host")]
    [InlineData("amqp://user:s3:cr3t@host")]
    public void An_address_that_cannot_be_used_is_refused_without_the_password(string address)
    {
        var error = Assert.Throws<ResourceException>(() => Options(address));

        Assert.Contains("'connectionString' of pubsub.rabbitmq", error.Message, StringComparison.Ordinal);
        Assert.Contains("amqp://user:password@localhost:5672", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("cr3t", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("amqp://host")]
    [InlineData("amqps://user:s%2F%23%40%3Acr3t@host:5671/vhost")]
    public void An_address_is_taken_as_it_is(string address) => Assert.Equal(new Uri(address), Options(address).Address);

    [Fact]
    public async Task Told_to_stop_a_subscription_does_not_wait_for_a_RabbitMq_that_is_away()
    {
        await using var pubSub = new RabbitMqPubSub(Options("amqp://127.0.0.1:1"), NullLogger<RabbitMqPubSub>.Instance);
        using var stop = new CancellationTokenSource();

        var subscribing = pubSub.Subscribe(Request, (_, _) => Task.CompletedTask, stop.Token).AsTask();
        Assert.False(subscribing.IsCompleted);
        await stop.CancelAsync();

        await (await subscribing.WaitAsync(TimeSpan.FromSeconds(30))).DisposeAsync();
    }

    [Fact]
    public async Task How_far_behind_a_group_is_is_not_waited_for_without_end()
    {
        await using var pubSub = new RabbitMqPubSub(Options("amqp://127.0.0.1:1"), NullLogger<RabbitMqPubSub>.Instance);
        await using var subscription = await pubSub.Subscribe(Request, (_, _) => Task.CompletedTask, new CancellationToken(canceled: true));

        var error = await Assert.ThrowsAsync<IOException>(() => ((ILaggingSubscription)subscription).Lag(default).WaitAsync(TimeSpan.FromSeconds(30)));

        Assert.Equal("RabbitMQ does not answer", error.Message);
    }

    private static RabbitMqOptions Options(string address) => RabbitMqOptions.From(new(
        new("test.yaml", "dapr.io/v1alpha1", "Component", "pubsub", new YamlMappingNode()), "pubsub.rabbitmq", new Dictionary<string, string> { ["connectionString"] = address }, "."));
}
