using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Lavka.Contracts;
using Lavka.Dashboard;

namespace Lavka.Services.Tests;

/// <summary>The dashboard's totals depend on what happened, not on how often or in which order it was told.</summary>
public sealed class ProjectionTests
{
    private static readonly OrderLine[] Lines = [new("p", 2, 5), new("q", 1, 3)];

    private static readonly JournalEvent[] Told =
    [
        Of(new ProductCreated("p", "Tea", 5, 10)), Of(new StockLow("p", 4, 5, 1)), Of(new StockReplenished("p", 20, 2)), Of(new StockLow("q", 1, 5, 1)),
        .. Order("delivered", new OrderPaid("delivered", "u", Lines, 13), new OrderShipped("delivered", "u", "LV"), new OrderDelivered("delivered", "u")),
        .. Order("returned", new OrderPaid("returned", "u", Lines, 13), new OrderShipped("returned", "u", "LV"), new OrderReturned("returned", "u", "why")),
        .. Order("cancelled", new OrderPaid("cancelled", "u", Lines, 13), new OrderCancelled("cancelled", "u", "why")),
        .. Order("paid", new OrderPaid("paid", "u", Lines, 13)),
    ];

    [Fact]
    public void Any_order_of_events_and_any_duplicates_give_the_same_totals()
    {
        var expected = Text(Play(Told, 1000));
        var runs = Gen.Zip(Gen.Shuffle(Told.Concat(Told).ToArray()), Gen.Choose(1, 9));

        Check.One(Config.QuickThrowOnFailure.WithMaxTest(200), Prop.ForAll(Arb.From(runs), run => Text(Play(run.Item1, run.Item2)) == expected));
    }

    [Theory]
    [InlineData("order.paid", """{"orderId":"o","userId":"u","total":1}""")]
    [InlineData("order.paid", """{"orderId":"o","lines":[null],"total":1}""")]
    [InlineData("order.created", """{"orderId":1}""")]
    [InlineData("order.eaten", """{"orderId":"o"}""")]
    [InlineData("order.created", "[]")]
    [InlineData("stock.low", """{"productId":"p","onHand":"x"}""")]
    [InlineData("price.changed", """{"productId":"p"}""")]
    public void What_is_no_event_it_knows_does_not_get_into_the_journal(string type, string data) =>
        Assert.False(Projection.Understands(new(type, JsonDocument.Parse(data).RootElement)));

    [Fact]
    public void Every_event_it_knows_is_understood() => Assert.All(Told, told => Assert.True(Projection.Understands(told)));

    [Fact]
    public void Money_and_pieces_count_while_an_order_is_paid_and_not_off()
    {
        var totals = Play(Told, 1000);

        Assert.Equal(26, totals.Revenue);
        Assert.Equal((4, 2), (totals.Products["p"].Sold, totals.Products["q"].Sold));
        Assert.Equal(["cancelled 1", "delivered 1", "paid 1", "returned 1"], totals.Orders.Where(one => one.Value > 0).Select(one => $"{one.Key} {one.Value}").Order());
        Assert.Equal((false, true), (totals.Products["p"].IsLow, totals.Products["q"].IsLow));
    }

    private static Projection Play(IReadOnlyList<JournalEvent> events, int atOnce)
    {
        var facts = new Dictionary<string, OrderFacts>();
        return events.Chunk(atOnce).Aggregate(Projection.Empty(0), (totals, more) =>
            totals.After(more, DateTimeOffset.UnixEpoch, id => facts.GetValueOrDefault(id), (id, next) => facts[id] = next));
    }

    private static string Text(Projection totals) => JsonSerializer.Serialize(new
    {
        Orders = totals.Orders.Where(one => one.Value != 0).OrderBy(one => one.Key),
        totals.Revenue,
        Products = totals.Products.OrderBy(one => one.Key),
    });

    private static IEnumerable<JournalEvent> Order(string id, params object[] later) =>
        [Of(new OrderCreated(id, "u", Lines, 13)), Of(new OrderConfirmed(id, "u", 13)), .. later.Select(one => Of((IEvent)one))];

    private static JournalEvent Of(IEvent @event) => new(ServiceDefaults.EventType.Of(@event), JsonSerializer.SerializeToElement(@event, @event.GetType(), JsonSerializerOptions.Web));
}
