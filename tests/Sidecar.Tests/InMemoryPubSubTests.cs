using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Lavka.Sidecar.PubSub;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests;

public sealed class InMemoryPubSubTests : IAsyncDisposable
{
    private const int Backlog = 10_000;

    private readonly InMemoryPubSub _broker = new();
    private readonly ConcurrentQueue<int> _taken = new();
    private readonly TaskCompletionSource _held = new();

    public ValueTask DisposeAsync() => _broker.DisposeAsync();

    [Fact]
    public async Task What_a_member_that_leaves_has_not_handled_the_others_get_each_message_once()
    {
        var (leavers, stayers) = (0, 0);
        var leaver = await Subscribe("group", async (_, stop) =>
        {
            Interlocked.Increment(ref leavers);
            await Task.Delay(Timeout.Infinite, stop);
        });
        await using var stayer = await Subscribe("group", async (message, stop) =>
        {
            Interlocked.Increment(ref stayers);
            await _held.Task.WaitAsync(stop);
            _taken.Enqueue(Number(message));
        });
        await Publish(Enumerable.Range(0, 100));
        await Eventually.Holds(() => (leavers, stayers) == (1, 1), "each member to be at a message");
        Assert.Equal(100, await Waiting(stayer));

        await leaver.DisposeAsync();
        Assert.Equal(100, await Waiting(stayer));
        _held.SetResult();

        await Eventually.Get(async () => await Waiting(stayer) == 0 ? "" : null, "all to be taken");
        Assert.Equal(Enumerable.Range(0, 100), _taken.Order());

        // First what was given back, but for the one that was at hand; then the rest as it came.
        Assert.Equal(Enumerable.Range(2, 98), _taken.Skip(2));
    }

    [Fact]
    public async Task A_member_takes_one_message_after_the_other_and_none_again_that_it_could_not_handle()
    {
        var running = 0;
        await using var member = await Subscribe("group", async (message, _) =>
        {
            Assert.Equal(1, Interlocked.Increment(ref running));
            await Task.Yield();
            _taken.Enqueue(Number(message));
            Interlocked.Decrement(ref running);
            throw new InvalidOperationException();
        });

        await Publish(Enumerable.Range(0, 100));

        await Eventually.Get(async () => await Waiting(member) == 0 ? "" : null, "all to be taken");
        Assert.Equal(Enumerable.Range(0, 100), _taken);
    }

    [Fact]
    public async Task A_bulk_subscription_gets_several_at_once_in_their_order_and_gives_them_back_in_it()
    {
        await using var broker = new InMemoryPubSub(maxInFlight: 8);
        var bulk = new SubscribeRequest("t", "group", PubSub.Message.NoMetadata, InFlight: 5);
        var leaver = await broker.Subscribe(bulk, async (message, stop) =>
        {
            _taken.Enqueue(Number(message));
            await (Number(message) == 0 ? _held.Task : Task.Delay(Timeout.Infinite, stop));
        }, default);
        await broker.Publish([Message(0)], default);
        await Eventually.Holds(() => !_taken.IsEmpty, "the first message, alone");
        await broker.Publish([.. Enumerable.Range(1, 11).Select(Message)], default);
        _held.SetResult();
        await Eventually.Holds(() => _taken.Count == 6, "five at once");
        Assert.Equal(Enumerable.Range(0, 6), _taken);
        var given = new ConcurrentQueue<int>();
        await using var next = await broker.Subscribe(bulk with { InFlight = 1 }, async (message, stop) =>
        {
            given.Enqueue(Number(message));
            await (given.Count == 1 ? leaver.DisposeAsync().AsTask() : Task.CompletedTask);
        }, default);

        await Eventually.Get(async () => await Waiting(next) == 0 ? "" : null, "all to be taken");

        // The one that was taken before the others were given back, these, and the rest.
        Assert.Equal([6, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11], given);
    }

    [Fact]
    public async Task A_group_that_is_far_behind_makes_the_publisher_wait_until_it_gives_up()
    {
        await using var member = await Subscribe("group", (_, stop) => _held.Task.WaitAsync(stop));
        await Publish(Enumerable.Range(0, Backlog));
        using var stop = new CancellationTokenSource();

        var waiting = _broker.Publish([Message(Backlog)], stop.Token);
        Assert.False(waiting.IsCompleted);
        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        Assert.Equal(Backlog, await Waiting(member));
        _held.SetResult();
        await Eventually.Get(async () => await Waiting(member) == 0 ? "" : null, "all to be taken");
    }

    [Fact]
    public async Task Once_the_last_member_has_left_nobody_waits_and_what_was_to_come_is_gone()
    {
        var member = await Subscribe("group", (_, stop) => _held.Task.WaitAsync(stop));
        await Publish(Enumerable.Range(0, Backlog));
        var waiting = _broker.Publish([Message(Backlog)], default);
        Assert.False(waiting.IsCompleted);

        await member.DisposeAsync();
        await waiting;
        await Publish([1]);

        await using var next = await Subscribe("group", Take);
        await Publish([2]);
        await Eventually.Holds(() => !_taken.IsEmpty, "the message for who listens now");
        Assert.Equal([2], _taken);
    }

    [Fact]
    public async Task Each_group_gets_every_message()
    {
        var others = new ConcurrentQueue<int>();
        await using var one = await Subscribe("one", Take);
        await using var other = await Subscribe("other", (message, _) =>
        {
            others.Enqueue(Number(message));
            return Task.CompletedTask;
        });

        await Publish(Enumerable.Range(0, 10));

        await Eventually.Holds(() => (_taken.Count, others.Count) == (10, 10), "every message in both");
        Assert.Equal(_taken, others);
    }

    private static PubSub.Message Message(int number) => new("t", Encoding.UTF8.GetBytes($"{number}"), PubSub.Message.NoMetadata);

    private static int Number(PubSub.Message message) => int.Parse(Encoding.UTF8.GetString(message.Data.Span), CultureInfo.InvariantCulture);

    private static async Task<long> Waiting(IAsyncDisposable member) => (await ((ILaggingSubscription)member).Lag(default)).Waiting;

    private Task Take(PubSub.Message message, CancellationToken stop)
    {
        _taken.Enqueue(Number(message));
        return Task.CompletedTask;
    }

    private Task Publish(IEnumerable<int> numbers) => _broker.Publish([.. numbers.Select(Message)], default);

    private async Task<IAsyncDisposable> Subscribe(string group, MessageHandler handler) => await _broker.Subscribe(new("t", group, PubSub.Message.NoMetadata), handler, default);
}
