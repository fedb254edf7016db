using FsCheck;
using FsCheck.Fluent;
using Lavka.Contracts;
using Lavka.Inventory;
using Lavka.Notifications;
using Lavka.Orders;
using Lavka.Payments;
using Lavka.Shipping;

namespace Lavka.Services.Tests;

/// <summary>
/// Whatever is delivered twice, late, in another order, or never, and wherever a process crashes: every order ends paid and delivered with its stock taken, or cancelled with
/// stock and money given back.
/// </summary>
public sealed class SagaProperties : IAsyncLifetime
{
    private const int Runs = 300;
    private const int Orders = 4;

    // Two products; together the orders want more than there is.
    private static readonly (string Product, long Stock)[] Catalog = [("a", 5), ("b", 3)];

    /// <summary>One step of a run: what is done, and to which order or pending event.</summary>
    private enum Step
    {
        Deliver,
        DeliverTwice,
        Crash,
        MissDeadline,
        Cancel,
        LoseAnAnswer,
        LoseAnEvent,
        FollowUp,
    }

    private readonly Dictionary<string, ServiceSidecar> _sidecars = [];

    public async Task InitializeAsync()
    {
        foreach (var appId in SagaWorld.AppIds)
        {
            _sidecars[appId] = await ServiceSidecar.Start(appId);
        }
    }

    public async Task DisposeAsync()
    {
        foreach (var sidecar in _sidecars.Values)
        {
            await sidecar.DisposeAsync();
        }
    }

    [Fact]
    public void Any_interleaving_ends_lawfully_with_money_and_stock_conserved()
    {
        var steps = Gen.Zip(
            Gen.Frequency(
                (12, Gen.Constant(Step.Deliver)), (4, Gen.Constant(Step.DeliverTwice)), (3, Gen.Constant(Step.Crash)), (1, Gen.Constant(Step.MissDeadline)), (1, Gen.Constant(Step.Cancel)), (2, Gen.Constant(Step.LoseAnAnswer)), (1, Gen.Constant(Step.LoseAnEvent)), (2, Gen.Constant(Step.FollowUp))),
            Gen.Choose(0, 1000)).ListOf(120);
        var runs = Gen.Zip(steps, Gen.Zip(Gen.Choose(0, 1 << Orders), Gen.Choose(0, 1 << Orders)));

        Check.One(Config.QuickThrowOnFailure.WithMaxTest(Runs), Prop.ForAll(Arb.From(runs), run => Run([.. run.Item1], run.Item2.Item1, run.Item2.Item2).GetAwaiter().GetResult()));
    }

    private async Task<bool> Run(IReadOnlyList<(Step Step, int Choice)> steps, int declined, int returned)
    {
        var world = new SagaWorld(_sidecars);
        await world.Register();
        world.Provider.Declines = order => (declined >> (order[0] - '0') & 1) == 1;
        world.Carrier.BringsBack = number => (returned >> (number[0] - '0') & 1) == 1;
        foreach (var (product, stock) in Catalog)
        {
            world.Seed(product, stock);
        }

        for (var i = 0; i < Orders; i++)
        {
            await world.Place($"{i}", new OrderLine("a", 1 + (i % 2), 10), new OrderLine("b", 1, 7));
        }

        foreach (var (step, choice) in steps)
        {
            switch (step)
            {
                case Step.Deliver or Step.DeliverTwice when world.Pending > 0:
                    await world.Deliver(choice % world.Pending, duplicate: step == Step.DeliverTwice);
                    break;
                case Step.Crash:
                    world.Crashes++;
                    break;
                case Step.MissDeadline:
                    await world.MissDeadline($"{choice % Orders}");
                    break;
                case Step.LoseAnAnswer:
                    world.Provider.LostAnswers++;
                    break;
                case Step.LoseAnEvent:
                    world.Losses++;
                    break;
                case Step.FollowUp:
                    await world.FollowUp();
                    break;
                case Step.Cancel:
                    await world.StopShipment($"{choice % Orders}");
                    break;
            }
        }

        await world.Settle();
        await CheckOutcome(world);
        return true;
    }

    private static async Task CheckOutcome(SagaWorld world)
    {
        var sold = Catalog.ToDictionary(item => item.Product, _ => 0L);
        for (var i = 0; i < Orders; i++)
        {
            var id = $"{i}";
            var order = (await world.FindOrder(id))!;
            var reservation = await world.Inventory.Store.Find<Reservation>(Reservation.KeyOf(id), default);
            var shipment = await world.Shipping.Store.Find<Shipment>(Shipment.KeyOf(id), default);
            var payment = await world.Payments.Store.Find<Payment>(Payment.KeyOf(id), default);
            Assert.NotNull(await world.Notifications.Store.Find<Message>(Message.KeyOf("order_confirmation", id), default));
            if (order.Status == OrderStatus.Delivered)
            {
                Assert.Equal(order.Total, world.Provider.Held(id));
                Assert.Equal(PaymentStatus.Completed, payment!.Status);
                Assert.Equal(ShipmentStatus.Delivered, shipment!.Status);
                Assert.Equal(ReservationStatus.Taken, reservation!.Status);
                foreach (var line in order.Lines)
                {
                    sold[line.ProductId] += line.Quantity;
                }
            }
            else
            {
                Assert.True(order.Status is OrderStatus.Cancelled or OrderStatus.Returned);
                Assert.Equal(0, world.Provider.Held(id));
                Assert.NotEqual(PaymentStatus.Completed, payment?.Status ?? PaymentStatus.Void);
                Assert.True(order.Status == OrderStatus.Returned ? shipment!.Status == ShipmentStatus.Returned : shipment is null or { Status: ShipmentStatus.Stopped });
                Assert.True(reservation is { Status: ReservationStatus.Released or ReservationStatus.Rejected });
            }
        }

        await CheckLedger(world);
        foreach (var (product, stock) in Catalog)
        {
            var level = (await world.Inventory.Store.FindPart<Stock>(Stock.KeyOf(product), default))!;
            Assert.Equal((stock - sold[product], 0, sold[product]), (level.OnHand, level.Reserved, level.Sold));
            Assert.True(level.OnHand >= 0);
        }
    }

    /// <summary>Every posting once, and the cash is what the provider holds.</summary>
    private static async Task CheckLedger(SagaWorld world)
    {
        var entries = new List<LedgerEntry>();
        foreach (var part in Enumerable.Range(0, JournalPage.Parts))
        {
            var page = await world.Payments.Store.FindPart<JournalPage>(JournalPage.KeyOf(part), default);
            entries.AddRange(page?.Entries ?? []);
            Assert.Equal(page?.Totals.Values.Sum(sum => sum.Debit) ?? 0, page?.Totals.Values.Sum(sum => sum.Credit) ?? 0);
        }

        Assert.Equal(entries.Count, entries.Select(entry => entry.EntryId).Distinct().Count());
        var cash = entries.Where(entry => entry.Debit == Accounts.Cash).Sum(entry => entry.Amount) - entries.Where(entry => entry.Credit == Accounts.Cash).Sum(entry => entry.Amount);
        Assert.Equal(Enumerable.Range(0, Orders).Sum(i => world.Provider.Held($"{i}")), cash);
    }
}
