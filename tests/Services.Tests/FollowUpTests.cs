using System.Text.Json.Serialization;
using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Services.Tests;

/// <summary>What waits is come back to: nothing is forgotten, and nobody is asked all the time.</summary>
public sealed class FollowUpTests : IAsyncLifetime
{
    private readonly List<Published> _published = [];
    private TestService _service = null!;

    public async Task InitializeAsync() => _service = await TestService.Start("orders", _published.Add);

    public async Task DisposeAsync() => await _service.DisposeAsync();

    public sealed record Errand(string Id, bool IsWaiting) : IAwaiting
    {
        [JsonIgnore]
        public IEvent? Question => new StockReserved(Id);
    }

    [Fact]
    public async Task What_stands_still_tells_its_question_again_with_growing_pauses()
    {
        var followUps = _service.FollowUps<Errand>();
        await followUps.Look(default);
        await Save("a", isWaiting: true);

        await Pass(followUps, seconds: 25);
        Assert.Empty(_published);
        await Pass(followUps, seconds: 10);
        Assert.Equal(["errand-a/1/stock.reserved"], _published.Select(told => told.Id));
        await Pass(followUps, seconds: 50);
        Assert.Single(_published);
        await Pass(followUps, seconds: 20);
        Assert.Equal(2, _published.Count);
    }

    [Fact]
    public async Task What_has_moved_gets_time_again_and_what_waits_no_more_is_left_alone()
    {
        var followUps = _service.FollowUps<Errand>();
        await followUps.Look(default);
        await Save("a", isWaiting: true);
        await Save("a", isWaiting: true);
        await Save("b", isWaiting: true);
        await Save("b", isWaiting: false);

        await Pass(followUps, seconds: 35);
        Assert.Empty(_published);
        await Pass(followUps, seconds: 35);
        Assert.Equal(["errand-a/2/stock.reserved"], _published.Select(told => told.Id));
    }

    [Fact]
    public async Task What_stands_still_after_two_follow_ups_is_shown_until_it_moves()
    {
        var followUps = _service.FollowUps<Errand>();
        await followUps.Look(default);
        await Save("a", isWaiting: true);

        await Pass(followUps, seconds: 35);
        Assert.Null(await Standing());
        await Pass(followUps, seconds: 65);
        Assert.Equal(("errand-a", 2), Assert.Single((await Standing())!.Entries) is var entry ? (entry.Key, entry.Times) : default);

        await Save("a", isWaiting: false);
        await Pass(followUps, seconds: 125);
        Assert.Empty((await Standing())!.Entries);
    }

    [Fact]
    public async Task While_the_broker_is_away_the_question_waits_and_does_not_hold_up_others()
    {
        var followUps = _service.FollowUps<Errand>();
        await followUps.Look(default);
        await Save("a", isWaiting: true);
        await Save("b", isWaiting: true);

        var failures = 1;
        _service.Dapr.FailsToPublish = () => failures-- > 0;
        await Pass(followUps, seconds: 35);
        Assert.Single(_published);
        await Pass(followUps, seconds: 35);

        Assert.Equal(["errand-a/1/stock.reserved", "errand-b/1/stock.reserved"], _published.Select(told => told.Id).Order());
    }

    [Fact]
    public async Task What_became_due_while_nobody_looked_is_looked_at_after_the_start()
    {
        await _service.FollowUps<Errand>().Look(default);
        await Save("a", isWaiting: true);
        var before = _service.FollowUps<Errand>();
        await Pass(before, seconds: 20);

        _service.Clock.Advance(TimeSpan.FromHours(5));
        await _service.FollowUps<Errand>().Look(default);

        Assert.Single(_published);
    }

    [Fact]
    public async Task A_clock_that_is_put_back_stops_nothing()
    {
        var clock = new BentClock(_service.Clock);
        var followUps = _service.FollowUps<Errand>(clock: clock);
        clock.Ahead = TimeSpan.FromHours(1);
        await followUps.Look(default);
        clock.Ahead = TimeSpan.Zero;
        await followUps.Look(default);
        await Save("a", isWaiting: true);

        await Pass(followUps, seconds: 35);

        Assert.Single(_published);
    }

    [Fact]
    public async Task Of_two_instances_that_look_at_once_one_enters_it_again()
    {
        var (one, other) = (_service.FollowUps<Errand>(), _service.FollowUps<Errand>());
        await Task.WhenAll(one.Look(default), other.Look(default));
        foreach (var id in new[] { "a", "b", "c", "d", "e" })
        {
            await Save(id, isWaiting: true);
        }

        _service.Clock.Advance(TimeSpan.FromSeconds(35));
        await Task.WhenAll(one.Look(default), other.Look(default));
        _published.Clear();
        _service.Clock.Advance(TimeSpan.FromSeconds(65));
        await one.Look(default);

        Assert.Equal(5, _published.Count);
    }

    private sealed class BentClock(TimeProvider clock) : TimeProvider
    {
        public TimeSpan Ahead { get; set; }

        public override DateTimeOffset GetUtcNow() => clock.GetUtcNow() + Ahead;
    }

    private async Task Pass(FollowUps<Errand> followUps, int seconds)
    {
        for (; seconds > 0; seconds -= 5)
        {
            _service.Clock.Advance(TimeSpan.FromSeconds(5));
            await followUps.Look(default);
        }
    }

    private Task<Standing?> Standing() => _service.Store.FindPart<Standing>(ServiceDefaults.Standing.Key, default);

    private Task Save(string id, bool isWaiting) => _service.Store.Accept<Errand>($"errand-{id}", _ => new Errand(id, isWaiting).Quietly(), default);
}
