using Dapr;
using Lavka.Contracts;
using Lavka.ServiceDefaults;
using Lavka.Testing;

namespace Lavka.Services.Tests;

public sealed class AggregateStoreTests : IAsyncLifetime
{
    private readonly List<Published> _published = [];
    private TestService _service = null!;

    public async Task InitializeAsync() => _service = await TestService.Start("orders", _published.Add);

    public async Task DisposeAsync() => await _service.DisposeAsync();

    public sealed record Counter(int Value);

    public sealed record Large(string Text);

    [Fact]
    public async Task A_change_is_saved_and_told()
    {
        await Deliver("e1");

        Assert.Equal(1, (await _service.Store.Find<Counter>("counter", default))!.Value);
        var told = Assert.Single(_published);
        Assert.Equal(("orders", "stock.reserved", "counter/1"), (told.Topic, told.Type, told.Id));
    }

    [Fact]
    public async Task What_a_crash_kept_from_being_told_is_told_by_the_outbox_although_another_change_came_meanwhile()
    {
        _service.Dapr.FailsToPublish = () => true;
        await Deliver("e1");
        _service.Dapr.FailsToPublish = () => false;
        await _service.Deliver("e2", store => store.Change<Counter>("counter", counter => (counter! with { Value = 2 }).Telling(new StockReleased("o")), default));
        Assert.Equal(["counter/2"], _published.Select(told => told.Id));

        await TellPendingAfterRestart();

        Assert.Contains("counter/1", _published.Select(told => told.Id));
        await AssertOutboxIsEmpty();
    }

    [Fact]
    public async Task Changes_that_wait_are_made_together_in_their_order_and_one_that_breaks_a_rule_fails_alone()
    {
        var gate = new TaskCompletionSource();
        var (first, times) = (true, 0);
        _service.Dapr.BeforeSave = async () =>
        {
            if (first)
            {
                first = false;
                await gate.Task;
            }
        };
        var holds = Count("a");
        await Eventually.Holds(() => !first, "the first to be saved");
        var together = Enumerable.Range(0, 40).Select(i => Count(i % 2 == 0 ? "a" : $"b{i}")).ToList();
        var made = Enumerable.Range(0, 3).Select(_ => _service.Store.Accept<Counter>("made once", counter => counter?.Unchanged() ?? Made(), default)).ToList();
        var broken = _service.Store.Accept<Counter>("a", _ => throw new RuleBrokenException("No."), default);
        gate.SetResult();

        await holds;
        await Task.WhenAll(together);
        await Task.WhenAll(made);
        await Assert.ThrowsAsync<RuleBrokenException>(() => broken);
        Assert.Equal(1, times);

        Assert.Equal(2, _service.Dapr.Saves);
        Assert.Equal(21, (await _service.Store.Find<Counter>("a", default))!.Value);
        Assert.Equal(Enumerable.Range(1, 21).Select(version => $"a/{version}"), _published.Select(told => told.Id).Where(id => id.StartsWith('a')).OrderBy(id => id.Length).ThenBy(id => id));

        Change<Counter> Made()
        {
            times++;
            return new Counter(1).Quietly();
        }
    }

    [Fact]
    public async Task What_cannot_be_saved_together_falls_apart_and_only_who_is_to_blame_starts_over_or_fails()
    {
        // Somebody else has changed one of them each time that several are saved.
        _service.Dapr.FailsToSave = transaction => transaction.Operations.Count(operation => operation.Request.Key is "a" or "b" or "c" or "poison") > 1
            || transaction.Operations.Any(operation => operation.Request.Key == "poison");
        var changes = new[] { "a", "b", "c" }.Select(Count).ToList();
        var poison = Count("poison");

        await Task.WhenAll(changes);
        await Assert.ThrowsAsync<DaprException>(() => poison);

        foreach (var key in new[] { "a", "b", "c" })
        {
            Assert.Equal(1, (await _service.Store.Find<Counter>(key, default))!.Value);
        }

        Assert.Null(await _service.Store.Find<Counter>("poison", default));
    }

    [Fact]
    public async Task A_stale_event_changes_nothing_and_tells_nothing()
    {
        await Deliver("e1");
        await _service.Deliver("e2", store => store.Change<Counter>("counter", counter => (counter! with { Value = 2 }).Telling(new StockReleased("o")), default));
        _published.Clear();

        // e1 has been overtaken: its state is part of what e2 told.
        await Deliver("e1");

        Assert.Equal(2, (await _service.Store.Find<Counter>("counter", default))!.Value);
        Assert.Empty(_published);
    }

    [Fact]
    public async Task When_somebody_else_saves_first_the_change_starts_over()
    {
        var others = 1;
        _service.Dapr.BeforeSave = async () =>
        {
            if (others-- > 0)
            {
                await _service.Dapr.Client.TrySaveStateAsync("statestore", "counter", new StoredAggregate<Counter>(new(10), 5), "");
            }
        };

        await _service.Deliver("e1", store => store.Change<Counter>("counter", counter => new Counter((counter?.Value ?? 0) + 1).Quietly(), default));

        Assert.Equal(11, (await _service.Store.Find<Counter>("counter", default))!.Value);
    }

    [Fact]
    public async Task What_a_client_starts_succeeds_while_the_broker_is_away_and_is_told_later()
    {
        _service.Dapr.FailsToPublish = () => true;
        await Accept("a");
        await Accept("b");
        Assert.Empty(_published);
        _service.Dapr.FailsToPublish = () => false;

        await TellPendingAfterRestart();

        Assert.Equal(["a/1", "b/1"], _published.Select(told => told.Id).Order());
        await AssertOutboxIsEmpty();
    }

    [Fact]
    public async Task What_was_told_at_once_is_not_told_again_by_the_outbox()
    {
        await Accept("a");

        await _service.Outbox.TellPending(default);

        Assert.Single(_published);
        await AssertOutboxIsEmpty();
    }

    [Fact]
    public async Task A_conflict_in_a_transaction_starts_over_and_a_failure_goes_to_the_caller()
    {
        var others = 1;
        _service.Dapr.BeforeSave = async () =>
        {
            if (others-- > 0)
            {
                await _service.Dapr.Client.TrySaveStateAsync("statestore", "index", new IdList(["other"]), "");
            }
        };
        await _service.Store.Accept<Counter, IdList>("counter", ["index"], (_, parts) =>
        {
            IdList.Add(parts, "index", "mine");
            return new Counter(1).Telling(new StockReserved("o"));
        }, default);
        Assert.Equal(["other", "mine"], (await _service.Dapr.Read<IdList>("index"))!.Ids);

        _service.Dapr.BeforeSave = () => throw new DaprException("The disk is full.");
        await Assert.ThrowsAsync<DaprException>(() => Accept("x"));
    }

    [Fact]
    public async Task An_index_keeps_its_order_over_many_pages()
    {
        for (var i = 0; i < 120; i++)
        {
            var id = $"{i:000}";
            await _service.Store.Accept<Counter, IdList>(id, ["index"], (_, parts) =>
            {
                IdList.Add(parts, "index", id);
                return new Counter(i).Quietly();
            }, default);
        }

        var (newest, earlier) = await IdList.Page(_service.Store, "index", null, default);

        Assert.Equal("119", newest[^1]);
        Assert.NotNull(earlier);
        Assert.Equal(Enumerable.Range(0, 120).Select(i => $"{i:000}"), ((await IdList.Slice(_service.Store, "index", null, 1000, default)).Ids).Order());
    }

    [Fact]
    public async Task What_together_is_more_than_one_answer_may_have_is_read_in_parts()
    {
        var keys = Enumerable.Range(0, 30).Select(i => $"large-{i}").ToList();
        foreach (var key in keys)
        {
            await _service.Store.Accept<Large>(key, _ => new Large(new('x', 200_000)).Quietly(), default);
        }

        Assert.Equal(keys.Count, (await _service.Store.FindAll<Large>(keys, default)).Count);
        var changed = await Task.WhenAll(keys.Select(key => _service.Store.Accept<Large>(key, large => new Large(large!.Text[..10]).Quietly(), default)));
        Assert.All(changed, large => Assert.Equal(10, large!.Text.Length));
    }

    [Fact]
    public async Task What_waits_is_found_wherever_it_is_in_its_index_and_pages_in_which_nothing_does_are_not_looked_at_again()
    {
        const string Index = "waiting";
        for (var i = 0; i < 230; i++)
        {
            await _service.Store.Accept<Counter, IdList>($"{i}", [Index], (_, parts) =>
            {
                IdList.Add(parts, Index, $"{i}");
                return new Counter(i).Quietly();
            }, default);
        }

        // All of the first page, all but one of the second, one of the third.
        foreach (var i in Enumerable.Range(0, 99).Append(120))
        {
            await Settle(i, true);
        }

        int[] expected = [.. Enumerable.Range(99, 131).Except([120]).Reverse()];
        Assert.Equal(expected, await Waiting());
        Assert.Equal(expected, await Waiting());
        await Settle(0, false);
        Assert.Equal(expected, await Waiting());

        await Settle(99, true);
        Assert.Equal(expected[..^1], await Waiting());
        await Settle(99, false);
        Assert.Equal(expected[..^1], await Waiting());

        Task Settle(int i, bool isSettled) => _service.Store.Accept<Counter>($"{i}", _ => new Counter(isSettled ? -1 : i).Quietly(), default);

        async Task<List<int>> Waiting()
        {
            var found = new List<int>();
            for (string? cursor = null; ;)
            {
                var page = await Page.OfWaiting<Counter>(_service.Store, Index, id => id, cursor, 100, counter => counter.Value >= 0, default);
                found.AddRange(page.Items.Select(counter => counter.Value));
                if (page.NextCursor is null)
                {
                    return found;
                }

                cursor = page.NextCursor;
            }
        }
    }

    [Fact]
    public async Task While_the_broker_is_away_what_is_saved_for_a_change_stays_small_and_all_is_told_when_it_is_back()
    {
        const int Changes = 4000;
        _service.Dapr.FailsToPublish = () => true;
        foreach (var some in Enumerable.Range(0, Changes).Select(i => $"c{i}").Chunk(100))
        {
            await Task.WhenAll(some.Select(Accept));
        }

        foreach (var slot in Enumerable.Range(0, 16))
        {
            Assert.InRange((await _service.Dapr.Read<StoredOutbox>($"outbox-{slot}"))?.Events.Count ?? 0, 0, 200);
        }

        Assert.Empty(_published);
        _service.Dapr.FailsToPublish = () => false;
        await _service.Outbox.TellPending(default);
        await _service.Outbox.TellPending(default);

        Assert.Equal(Changes, _published.Select(told => told.Id).Distinct().Count());
        await AssertOutboxIsEmpty();
    }

    [Fact]
    public async Task An_event_that_the_broker_never_takes_keeps_nobody_back_and_becomes_a_dead_letter_in_the_end()
    {
        _service.Dapr.FailsToPublish = () => true;
        await Task.WhenAll(Enumerable.Range(0, 500).Select(i => Accept($"c{i}")));
        _service.Dapr.FailsToPublish = () => false;
        _service.Dapr.IsRefused = id => id == "c77/1";

        await _service.Outbox.TellPending(default);
        await _service.Outbox.TellPending(default);
        Assert.Equal(499, _published.Select(told => told.Id).Distinct().Count());

        // While nothing else is taken, nobody can say that it is not the broker.
        for (var i = 0; i < 110; i++)
        {
            await _service.Outbox.TellPending(default);
        }

        Assert.Null(await Letter());
        for (var i = 0; i < 110; i++)
        {
            await Accept($"later-{i}");
            await _service.Outbox.TellPending(default);
        }

        var letter = await Letter();
        Assert.Equal(("c77/1", "stock.reserved", DeadLetter.Outbox, "c77"), (letter!.EventId, letter.Type, letter.Path, letter.PartitionKey));
        Assert.Equal("the test says so", letter.Reason);
        await AssertOutboxIsEmpty();

        async Task<DeadLetter?> Letter() => (await Page.OfWaiting<DeadLetter>(_service.Store, DeadLetter.Index, DeadLetter.KeyOf, null, null, one => !one.IsResent, default)).Items.SingleOrDefault();
    }

    private Task Deliver(string eventId) =>
        _service.Deliver(eventId, store => store.Change<Counter>("counter", counter => counter?.Unchanged() ?? new Counter(1).Telling(new StockReserved("o")), default));

    private Task<Counter?> Count(string key) => _service.Store.Accept<Counter>(key, counter => new Counter((counter?.Value ?? 0) + 1).Telling(new StockReserved(key)), default);

    /// <summary>What the process remembered is gone, the keys are not. What is found for the first time may be somebody else's who is telling it.</summary>
    private async Task TellPendingAfterRestart()
    {
        var before = _published.Count;
        var restarted = new Outbox(_service.Dapr.Client, _service.Reader, _service.Dapr.Api, new("orders"), Microsoft.Extensions.Logging.Abstractions.NullLogger<Outbox>.Instance);
        await restarted.TellPending(default);
        Assert.Equal(before, _published.Count);
        await restarted.TellPending(default);
    }

    private async Task AssertOutboxIsEmpty()
    {
        foreach (var slot in Enumerable.Range(0, 16))
        {
            var outbox = await _service.Dapr.Read<StoredOutbox>($"outbox-{slot}") ?? new([]);
            Assert.Empty(outbox.Events);
            Assert.False(outbox.HasPages);
            foreach (var page in Enumerable.Range(0, outbox.NextPage))
            {
                Assert.Null(await _service.Dapr.Read<StoredOutbox>($"outbox-{slot}-{page}"));
            }
        }
    }

    private Task Accept(string key) => _service.Store.Accept<Counter>(key, _ => new Counter(1).Telling(new StockReserved(key)), default);
}
