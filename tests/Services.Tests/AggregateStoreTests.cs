using Dapr;
using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Services.Tests;

public sealed class AggregateStoreTests : IAsyncLifetime
{
    private readonly List<Published> _published = [];
    private TestService _service = null!;

    public async Task InitializeAsync() => _service = await TestService.Start("orders", _published.Add);

    public async Task DisposeAsync() => await _service.DisposeAsync();

    public sealed record Counter(int Value);

    [Fact]
    public async Task A_change_is_saved_and_told()
    {
        await Deliver("e1");

        Assert.Equal(1, (await _service.Store.Find<Counter>("counter", default))!.Value);
        var told = Assert.Single(_published);
        Assert.Equal(("orders", "stock.reserved", "counter/1"), (told.Topic, told.Type, told.Id));
    }

    [Fact]
    public async Task A_crash_between_save_and_tell_is_made_good_by_the_redelivery()
    {
        _service.Dapr.FailsToPublish = () => true;
        await Assert.ThrowsAsync<DaprException>(() => Deliver("e1"));
        _service.Dapr.FailsToPublish = () => false;

        await Deliver("e1");

        Assert.Equal(1, (await _service.Store.Find<Counter>("counter", default))!.Value);
        Assert.Equal("counter/1", Assert.Single(_published).Id);
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
                await _service.Dapr.Client.TrySaveStateAsync("statestore", "counter", new StoredAggregate<Counter>(new(10), 5, null, null), "");
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

        // A restart: what the process remembered is gone, the keys are not.
        var restarted = new Outbox(_service.Dapr.Client, new("orders"), Microsoft.Extensions.Logging.Abstractions.NullLogger<Outbox>.Instance);
        await restarted.TellPending(default);
        Assert.Empty(_published);
        await restarted.TellPending(default);

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

    private Task Deliver(string eventId) =>
        _service.Deliver(eventId, store => store.Change<Counter>("counter", counter => counter?.Unchanged() ?? new Counter(1).Telling(new StockReserved("o")), default));

    private async Task AssertOutboxIsEmpty()
    {
        foreach (var slot in Enumerable.Range(0, 16))
        {
            Assert.Empty((await _service.Dapr.Read<StoredOutbox>($"outbox-{slot}"))?.Events ?? []);
        }
    }

    private Task Accept(string key) => _service.Store.Accept<Counter>(key, _ => new Counter(1).Telling(new StockReserved(key)), default);
}
