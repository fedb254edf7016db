using Dapr.Actors;
using Dapr.Actors.Client;
using Dapr.Actors.Runtime;
using Lavka.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Lavka.Sdk.Tests;

public sealed class ActorTests
{
    public interface ICounter : IActor
    {
        Task<int> Add(int number);

        Task<int> Total();

        Task FailAfterAdding(int number);

        Task RemindMe();

        Task TickTwice();
    }

    public sealed class Counter(ActorHost host) : Actor(host), ICounter, IRemindable
    {
        public async Task<int> Add(int number)
        {
            var total = await Total() + number;
            await StateManager.SetStateAsync("total", total);
            return total;
        }

        public async Task<int> Total() => (await StateManager.TryGetStateAsync<int>("total")).Value;

        public async Task FailAfterAdding(int number)
        {
            await Add(number);
            throw new InvalidOperationException("no");
        }

        public Task RemindMe() => RegisterReminderAsync("r", [100], TimeSpan.FromMilliseconds(50), TimeSpan.FromMilliseconds(-1));

        public Task TickTwice() => RegisterTimerAsync("t", nameof(Tick), [5], TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(20));

        public async Task Tick(byte[] data)
        {
            if (await Add(data[0]) >= 10)
            {
                await UnregisterTimerAsync("t");
            }
        }

        public Task ReceiveReminderAsync(string reminderName, byte[] state, TimeSpan dueTime, TimeSpan period) => Add(state[0]);
    }

    [Fact]
    public async Task Calls_add_up_and_a_failed_one_changes_nothing()
    {
        await using var app = await Start();
        var counter = Proxy(app, "a");

        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => counter.Add(1)));
        await Assert.ThrowsAsync<ActorMethodInvocationException>(() => counter.FailAfterAdding(5));

        Assert.Equal(20, await counter.Total());
        Assert.Equal(0, await Proxy(app, "b").Total());
    }

    [Fact]
    public async Task A_reminder_brings_back_what_it_was_registered_with()
    {
        await using var app = await Start();
        var counter = Proxy(app, "a");

        await counter.RemindMe();

        await Eventually.Get(async () => await counter.Total() == 100 ? "" : null, "the reminder");
    }

    [Fact]
    public async Task A_timer_ticks_until_it_is_unregistered()
    {
        await using var app = await Start();
        var counter = Proxy(app, "a");

        await counter.TickTwice();

        await Eventually.Get(async () => await counter.Total() == 10 ? "" : null, "two ticks");
    }

    private static Task<AppWithSidecar> Start() => AppWithSidecar.Start(services => services.AddActors(options => options.Actors.RegisterActor<Counter>()), web => web.MapActorsHandlers());

    private static ICounter Proxy(AppWithSidecar app, string id) => app.Services.GetRequiredService<IActorProxyFactory>().CreateActorProxy<ICounter>(new ActorId(id), nameof(Counter));
}
