using Dapr.Client;
using Google.Rpc;
using Grpc.Core;
using Lavka.Sidecar.Testing;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests.Grpc;

#pragma warning disable DAPR_DISTRIBUTEDLOCK // As Dapr calls its API for locks: not stable.

/// <summary>Configuration and locks as Dapr's own .NET client asks for them: by gRPC.</summary>
public sealed class ConfigurationTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task A_subscription_tells_of_changes_until_it_is_ended()
    {
        using var folder = new TempFolder();
        var file = folder.Write("settings.yaml", "color: green||1\nsize: 7\n");
        await using var sidecar = await EmbeddedSidecar.StartAsync(new() { Resources = [TestApp.Component("config", "configuration.embedded", ("path", file))] });
        using var dapr = OverGrpc.Client(sidecar);

        var items = (await dapr.GetConfiguration("config", ["color", "none"])).Items;
        Assert.Equal(("color", "green", "1"), (Assert.Single(items).Key, items["color"].Value, items["color"].Version));

        var subscription = await dapr.SubscribeConfiguration("config", ["color"]);
        var told = Collect(subscription);
        await Eventually.Get(() => Task.FromResult(subscription.Id is { Length: > 0 } id ? id : null), "the subscription's id");
        await File.WriteAllTextAsync(file, "color: red||2\nsize: 8\n");
        var first = await told.First.Task.WaitAsync(Patience);
        Assert.Equal(("color", "red", "2"), (Assert.Single(first).Key, first["color"].Value, first["color"].Version));

        Assert.True((await dapr.UnsubscribeConfiguration("config", subscription.Id)).Ok);
        await told.Ended.WaitAsync(Patience);
        Assert.Contains("subscription does not exist", (await dapr.UnsubscribeConfiguration("config", subscription.Id)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_store_that_is_not_there_is_named()
    {
        await using var sidecar = await EmbeddedSidecar.StartAsync(new() { Resources = [TestApp.Component("config", "configuration.embedded", ("path", Path.Combine(Repository.Root, "global.json")))] });
        using var dapr = OverGrpc.Client(sidecar);

        var error = await OverGrpc.Refused(() => dapr.GetConfiguration("nope", ["a"]));

        Assert.Equal((StatusCode.InvalidArgument, "configuration store nope not found"), (error.StatusCode, error.Status.Detail));
        Assert.Equal("ERR_CONFIGURATION_STORE_NOT_FOUND", error.GetRpcStatus()!.GetDetail<ErrorInfo>()!.Reason);
    }

    [Fact]
    public async Task A_lock_has_one_owner_at_a_time()
    {
        await using var sidecar = await EmbeddedSidecar.StartAsync(new() { Resources = [TestApp.Component("locks", "lock.embedded", ("path", "locks.db"))] });
        using var dapr = OverGrpc.Client(sidecar);

        Assert.True((await dapr.Lock("locks", "r", "ann", 60)).Success);
        Assert.False((await dapr.Lock("locks", "r", "bob", 60)).Success);
        Assert.Equal(LockStatus.LockBelongsToOthers, (await dapr.Unlock("locks", "r", "bob")).status);
        Assert.Equal(LockStatus.Success, (await dapr.Unlock("locks", "r", "ann")).status);
        Assert.Equal(LockStatus.LockDoesNotExist, (await dapr.Unlock("locks", "r", "ann")).status);

        var error = await OverGrpc.Refused(() => dapr.Lock("nope", "r", "ann", 60));
        Assert.Equal((StatusCode.InvalidArgument, "lock store nope not found"), (error.StatusCode, error.Status.Detail));
    }

    private static (TaskCompletionSource<IDictionary<string, ConfigurationItem>> First, Task Ended) Collect(SubscribeConfigurationResponse subscription)
    {
        var first = new TaskCompletionSource<IDictionary<string, ConfigurationItem>>(TaskCreationOptions.RunContinuationsAsynchronously);
        return (first, Task.Run(async () =>
        {
            // The first message has the id alone.
            await foreach (var items in subscription.Source)
            {
                if (items.Count > 0)
                {
                    first.TrySetResult(items);
                }
            }
        }));
    }
}
