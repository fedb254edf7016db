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
    private sealed record Delivery(Published Event, TestService Service, Func<AggregateStore, JsonElement, Task> Handle);

    private readonly List<Delivery> _pending = [];
    private readonly List<(string Topic, string Type, TestService Service, Func<AggregateStore, JsonElement, Task> Handle)> _subscriptions = [];
    private readonly FakeAskAgain _askAgain = new();

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
        On<OrderConfirmed>(Payments, (store, e) => ChargeOrder.Handle(e, store, Charging, _askAgain, fraud, default));
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
        var notify = new Notify(Notifications.Store, Notifications.Dapr.Client, new Peers(Notifications.Dapr.Client), TimeProvider.System);
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

    public int Pending => _pending.Count;

    /// <summary>The customer of all orders.</summary>
    public Task Register() => Notifications.Store.Accept<Contact>(Contact.KeyOf("u"), _ => new Contact("u", "u@example.com", "U", null).Quietly(), default);

    public void Seed(string productId, long stock) => Publish(new(Topics.Catalog, ProductCreated.Type, $"product-{productId}/1",
        JsonSerializer.SerializeToElement(new ProductCreated(productId, productId, 10, stock), JsonSerializerOptions.Web)));

    public Task Place(string orderId, params OrderLine[] lines) =>
        Orders.Store.Accept<Order>(Order.KeyOf(orderId), order => order?.Unchanged() ?? Order.Place(orderId, "u", lines, DateTimeOffset.UnixEpoch), default);

    public Task MissDeadline(string orderId) =>
        Orders.Store.Accept<Order>(Order.KeyOf(orderId), order => order?.CancelUnpaid("late", DateTimeOffset.UnixEpoch) ?? Change.Nothing<Order>(), default);

    /// <summary>The clock comes to an order whose provider is to be asked again.</summary>
    public async Task AskAgain()
    {
        if (_askAgain.Orders.FirstOrDefault() is not { } orderId)
        {
            return;
        }

        _askAgain.Orders.Remove(orderId);
        var payment = (await Payments.Store.Find<Payment>(Payment.KeyOf(orderId), default))!;
        if (!await Charging.Run(payment, default))
        {
            await _askAgain.Start(orderId);
        }
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
            _pending.Add(delivery);
        }
    }

    /// <summary>Lets everything come to rest: no more crashes, every outbox told, every event delivered.</summary>
    public async Task Settle()
    {
        Crashes = 0;
        Provider.LostAnswers = 0;
        do
        {
            await AskAgain();
            foreach (var service in new[] { Orders, Inventory, Payments, Shipping, Notifications })
            {
                // What a look finds for the first time is left to who saved it; the second look tells it.
                await service.Outbox.TellPending(default);
                await service.Outbox.TellPending(default);
            }

            for (var steps = 0; _pending.Count > 0; steps++)
            {
                Assert.True(steps < 10_000, "Events beget events without end.");
                await Deliver(0, duplicate: false);
            }
        }
        while (_pending.Count > 0 || _askAgain.Orders.Count > 0);
    }

    public Task<Order?> FindOrder(string orderId) => Orders.Store.Find<Order>(Order.KeyOf(orderId), default);

    private TestService Make(string name)
    {
        _sidecars[name].Reset();
        var service = new TestService(name, _sidecars[name], Publish);
        service.Dapr.FailsToPublish = () => Crashes > 0 && Crashes-- > 0;
        return service;
    }

    private void On<T>(TestService service, Func<AggregateStore, T, Task> handle)
        where T : IEvent => _subscriptions.Add((T.Topic, T.Type, service, (store, data) => handle(store, data.Deserialize<T>(JsonSerializerOptions.Web)!)));

    private void Publish(Published @event) => _pending.AddRange(_subscriptions
        .Where(subscription => subscription.Topic == @event.Topic && subscription.Type == @event.Type)
        .Select(subscription => new Delivery(@event, subscription.Service, subscription.Handle)));
}
