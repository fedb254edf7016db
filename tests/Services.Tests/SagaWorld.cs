using System.Text.Json;
using Dapr;
using Lavka.Contracts;
using Lavka.Inventory;
using Lavka.Notifications;
using Lavka.Orders;
using Lavka.Payments;
using Lavka.ServiceDefaults;
using Lavka.Shipping;
using Microsoft.Extensions.Configuration;
using Order = Lavka.Orders.Order;

namespace Lavka.Services.Tests;

/// <summary>
/// The shop's real handlers on fake sidecars, with a broker that delivers at least once, in any order the test chooses, and processes that crash between saving and telling.
/// </summary>
internal sealed class SagaWorld
{
    private sealed record Delivery(Published Event, TestService Service, Func<AggregateStore, JsonElement, Task> Handle, string? Problem = null);

    private readonly List<Delivery> _pending = [];
    private readonly List<string> _placed = [];
    private readonly List<(string Topic, string Type, TestService Service, Func<AggregateStore, JsonElement, Task> Handle)> _subscriptions = [];
    private readonly FollowUps<Order> _orders;
    private readonly FollowUps<Payment> _payments;
    private readonly FollowUps<Reservation> _reservations;

    private readonly IReadOnlyDictionary<string, ServiceSidecar> _sidecars;

    /// <param name="sidecars">By app id; what an earlier world left in them is taken out.</param>
    public SagaWorld(IReadOnlyDictionary<string, ServiceSidecar> sidecars)
    {
        _sidecars = sidecars;
        Orders = Make(Topics.Orders);
        Inventory = Make(Topics.Inventory);
        Payments = Make(Topics.Payments);
        Shipping = Make(Topics.Shipping);
        Notifications = Make(Topics.Notifications);
        var settings = new ConfigurationBuilder().Build();
        var levels = new StockLevels(Inventory.Store, settings);
        var fraud = new FraudRule(settings);
        Charging = new Charging(Payments.Store, Provider, TimeProvider.System);
        On<ProductCreated>(Inventory, (store, e) => StockProduct.Handle(e, store, levels, default));
        On<OrderCreated>(Inventory, (store, e) => ReserveStock.Handle(e, store, levels, default));
        On<OrderPaid>(Inventory, (store, e) => TakeStock.Handle(e, store, default));
        On<OrderCancelled>(Inventory, (store, e) => ReleaseStock.Cancelled(e, store, levels, default));
        On<OrderReturned>(Inventory, (store, e) => ReleaseStock.Returned(e, store, levels, default));
        On<OrderConfirmed>(Payments, (store, e) => ChargeOrder.Handle(e, store, Charging, fraud, default));
        On<OrderCancelled>(Payments, (store, e) => RefundOrder.Cancelled(e, store, Provider, TimeProvider.System, default));
        On<OrderReturned>(Payments, (store, e) => RefundOrder.Returned(e, store, Provider, TimeProvider.System, default));
        On<OrderPaid>(Shipping, (store, e) => ShipOrder.Handle(e, store, Carrier, default));
        On<ShipmentDispatched>(Shipping, (store, e) => DeliverShipment.Handle(e, store, Carrier, default));
        On<StockReserved>(Orders, (store, e) => FollowOrder.StockReserved(e, store, TimeProvider.System, default));
        On<StockRejected>(Orders, (store, e) => FollowOrder.StockRejected(e, store, TimeProvider.System, default));
        On<PaymentCompleted>(Orders, (store, e) => FollowOrder.PaymentCompleted(e, store, TimeProvider.System, default));
        On<PaymentFailed>(Orders, (store, e) => FollowOrder.PaymentFailed(e, store, TimeProvider.System, default));
        On<ShipmentDispatched>(Orders, (store, e) => FollowOrder.ShipmentDispatched(e, store, TimeProvider.System, default));
        On<ShipmentDelivered>(Orders, (store, e) => FollowOrder.ShipmentDelivered(e, store, TimeProvider.System, default));
        On<ShipmentReturned>(Orders, (store, e) => FollowOrder.ShipmentReturned(e, store, TimeProvider.System, default));
        On<ShipmentStopped>(Orders, (store, e) => FollowOrder.ShipmentStopped(e, store, TimeProvider.System, default));
        _orders = Orders.FollowUps(new FollowUpInWorld(this));
        _payments = Payments.FollowUps(new FollowUpPayment(Charging));
        _reservations = Inventory.FollowUps<Reservation>();
        var notify = new Notify(Notifications.Store, Notifications.Dapr.Client, new Peers(Notifications.Dapr.Client, new("notifications", "", TimeProvider.System)), TimeProvider.System);
        On<UserCreated>(Notifications, (_, e) => notify.Welcome(e, default));
        On<OrderCreated>(Notifications, (_, e) => notify.Tell(Template.Of(e), default));
    }

    /// <summary>The app ids of the services there are.</summary>
    public static IReadOnlyList<string> AppIds { get; } = [Topics.Orders, Topics.Inventory, Topics.Payments, Topics.Shipping, Topics.Notifications];

    public TestService Orders { get; }

    public TestService Inventory { get; }

    public TestService Payments { get; }

    public TestService Shipping { get; }

    public TestService Notifications { get; }

    public FakeProvider Provider { get; } = new();

    public FakeCarrier Carrier { get; } = new();

    public Charging Charging { get; }

    /// <summary>The next so many publishes fail, as when the process crashes before them.</summary>
    public int Crashes { get; set; }

    /// <summary>The next so many events are lost, though the broker has accepted them.</summary>
    public int Losses { get; set; }

    public int Pending => _pending.Count;

    /// <summary>The customer of all orders.</summary>
    public Task Register() => Notifications.Store.Accept<Contact>(Contact.KeyOf("u"), _ => new Contact("u", "u@example.com", "U", null).Quietly(), default);

    public void Seed(string productId, long stock) => Publish(new(Topics.Catalog, ProductCreated.Type, $"product-{productId}/1",
        JsonSerializer.SerializeToElement(new ProductCreated(productId, productId, 10, stock), JsonSerializerOptions.Web)));

    public Task Place(string orderId, params OrderLine[] lines)
    {
        _placed.Add(orderId);
        return Orders.Store.Accept<Order>(Order.KeyOf(orderId), order => order?.Unchanged() ?? Order.Place(orderId, "u", lines, DateTimeOffset.UnixEpoch), default);
    }

    public Task MissDeadline(string orderId) =>
        Orders.Store.Accept<Order>(Order.KeyOf(orderId), order => order?.CancelUnpaid("late", DateTimeOffset.UnixEpoch) ?? Change.Nothing<Order>(), default);

    /// <summary>Half a minute goes by, in which everything that waits is followed up.</summary>
    public async Task FollowUp()
    {
        foreach (var service in new[] { Orders, Payments, Inventory })
        {
            service.Clock.Advance(TimeSpan.FromSeconds(31));
        }

        await _orders.Look(default);
        await _payments.Look(default);
        await _reservations.Look(default);
    }

    /// <summary>What the customer's cancel comes to for a paid order.</summary>
    public async Task StopShipment(string orderId)
    {
        if (await FindOrder(orderId) is { Status: OrderStatus.Paid })
        {
            try
            {
                await Lavka.Shipping.StopShipment.Handle(orderId, "changed their mind", Shipping.Store, default);
            }
            catch (RequestException)
            {
                // It has left.
            }
        }
    }

    /// <summary>Delivers a pending event; a duplicate stays pending as well. A handler that fails gets it again.</summary>
    public async Task Deliver(int index, bool duplicate)
    {
        var delivery = _pending[index];
        _pending.RemoveAt(index);
        if (duplicate)
        {
            _pending.Add(delivery);
        }

        try
        {
            await delivery.Service.Deliver(delivery.Event.Id, store => delivery.Handle(store, delivery.Event.Data));
        }
        catch (Exception e) when (e is DaprException or ProductNotStockedException or InvalidOperationException)
        {
            _pending.Add(delivery with { Problem = e.Message });
        }
    }

    /// <summary>Lets everything come to rest: no more crashes and losses, every outbox told, every event delivered, nothing waiting.</summary>
    public async Task Settle()
    {
        (Crashes, Losses, Provider.LostAnswers) = (0, 0, 0);
        for (var rounds = 0; ; rounds++)
        {
            Assert.True(rounds < 50, "Something waits without end.");
            foreach (var service in new[] { Orders, Inventory, Payments, Shipping, Notifications })
            {
                // What a look finds for the first time is left to who saved it; the second look tells it.
                await service.Outbox.TellPending(default);
                await service.Outbox.TellPending(default);
            }

            for (var steps = 0; _pending.Count > 0; steps++)
            {
                Assert.True(steps < 10_000, $"Events beget events without end: {string.Join(", ", _pending.Select(one => $"{one.Event.Type} {one.Event.Id} {one.Problem}"))}");
                await Deliver(0, duplicate: false);
            }

            if (!await IsAnythingWaiting())
            {
                return;
            }

            await FollowUp();
        }
    }

    public Task<Order?> FindOrder(string orderId) => Orders.Store.Find<Order>(Order.KeyOf(orderId), default);

    private async Task<bool> IsAnythingWaiting()
    {
        foreach (var orderId in _placed)
        {
            if (await FindOrder(orderId) is { IsWaiting: true } order && !await HaveHeard(order)
                || await Payments.Store.Find<Payment>(Payment.KeyOf(orderId), default) is { IsWaiting: true }
                || await Inventory.Store.Find<Reservation>(Reservation.KeyOf(orderId), default) is { IsWaiting: true })
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>As <see cref="FollowUpOrder"/> asks it, without the calls in between.</summary>
    private async Task<bool> HaveHeard(Order order) => order.Status is OrderStatus.Cancelled or OrderStatus.Returned
        && await Inventory.Store.Find<Reservation>(Reservation.KeyOf(order.OrderId), default) is { Status: ReservationStatus.Released or ReservationStatus.Rejected }
        && await Payments.Store.Find<Payment>(Payment.KeyOf(order.OrderId), default) is { Status: PaymentStatus.Void or PaymentStatus.Failed or PaymentStatus.Refunded };

    private TestService Make(string name)
    {
        _sidecars[name].Reset();
        var service = new TestService(name, _sidecars[name], Publish);
        service.Dapr.FailsToPublish = () => Crashes > 0 && Crashes-- > 0;
        return service;
    }

    private void On<T>(TestService service, Func<AggregateStore, T, Task> handle)
        where T : IEvent => _subscriptions.Add((T.Topic, T.Type, service, (store, data) => handle(store, data.Deserialize<T>(JsonSerializerOptions.Web)!)));

    private void Publish(Published @event)
    {
        if (@event.Topic != Topics.Catalog && Losses > 0)
        {
            Losses--;
            return;
        }

        _pending.AddRange(_subscriptions
            .Where(subscription => subscription.Topic == @event.Topic && subscription.Type == @event.Type)
            .Select(subscription => new Delivery(@event, subscription.Service, subscription.Handle)));
    }

    private sealed class FollowUpInWorld(SagaWorld world) : IFollowUp<Order>
    {
        public async Task<bool> Handle(Order aggregate, CancellationToken cancellationToken) => !await world.HaveHeard(aggregate);
    }
}
