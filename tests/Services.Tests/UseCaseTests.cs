using Lavka.Catalog;
using Lavka.Contracts;
using Lavka.Inventory;
using Lavka.Orders;
using Lavka.Payments;
using Lavka.ServiceDefaults;
using Lavka.Shipping;
using Lavka.Users;
using Microsoft.Extensions.Configuration;

namespace Lavka.Services.Tests;

/// <summary>Each service's use cases, on a sidecar in memory.</summary>
public sealed class UseCaseTests
{
    private static readonly IConfiguration Settings = new ConfigurationBuilder().Build();

    private readonly List<Published> _published = [];

    [Theory]
    [InlineData(2, 0)]
    [InlineData(3, 1)]
    [InlineData(4, 2)]
    [InlineData(8, 32)]
    [InlineData(9, 60)]
    [InlineData(1_000_000, 60)]
    public void After_wrong_passwords_the_next_waits_twice_as_long_each_time_and_a_minute_at_most(int failures, double seconds)
    {
        var now = DateTimeOffset.UnixEpoch;

        Assert.Equal(seconds, new SignInAttempts(failures, now).PauseAt(now).TotalSeconds);
    }

    [Fact]
    public async Task An_email_is_registered_once_whatever_its_case()
    {
        await using var users = await TestService.Start("users", _published.Add);
        var first = await RegisterUser.Handle(new(" Ann@Example.com ", "Ann"), users.Store, new Passwords(), TimeProvider.System, default);

        var error = await Assert.ThrowsAsync<RequestException>(() => RegisterUser.Handle(new("ann@example.com", "Ann again"), users.Store, new Passwords(), TimeProvider.System, default));

        Assert.Equal(400, error.Status);
        Assert.Equal([first.UserId], (await IdList.Slice(users.Store, User.Index, null, 100, default)).Ids);
        Assert.Equal(UserCreated.Type, Assert.Single(_published).Type);
    }

    [Theory]
    [InlineData("nobody", "Ann")]
    [InlineData("a b@example.com", "Ann")]
    [InlineData(null, "Ann")]
    [InlineData("ann@example.com", " ")]
    public async Task A_user_needs_an_email_and_a_name(string? email, string? name)
    {
        await using var users = await TestService.Start("users", _published.Add);

        Assert.Equal(400, (await Assert.ThrowsAsync<RequestException>(() => RegisterUser.Handle(new(email, name), users.Store, new Passwords(), TimeProvider.System, default))).Status);

        Assert.Equal(0, users.Dapr.Saves);
    }

    [Fact]
    public async Task The_welcome_is_confirmed_back()
    {
        await using var users = await TestService.Start("users", _published.Add);
        var user = await RegisterUser.Handle(new("ann@example.com", "Ann"), users.Store, new Passwords(), TimeProvider.System, default);

        await users.Deliver("e1", store => ConfirmWelcome.Handle(new(user.UserId, "welcome", user.UserId), store, default));

        Assert.True((await users.Store.Find<User>(User.KeyOf(user.UserId), default))!.CommunicationSent);
    }

    [Fact]
    public async Task A_price_change_is_told_with_a_version_and_a_repeat_is_not_told()
    {
        await using var catalog = await TestService.Start("catalog", _published.Add);
        var product = await AddProduct.Handle(new("Tea", 4.5m, 10), catalog.Store, new SearchIndex(), TimeProvider.System, default);
        _published.Clear();

        await ChangePrice.Handle(product.ProductId, 5m, catalog.Store, new SearchIndex(), default);
        await ChangePrice.Handle(product.ProductId, 5m, catalog.Store, new SearchIndex(), default);

        Assert.Equal(2, Assert.Single(_published).Data.GetProperty("version").GetInt64());
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1.999)]
    [InlineData(2_000_000)]
    public async Task A_price_that_is_none_is_refused(double price)
    {
        await using var catalog = await TestService.Start("catalog", _published.Add);

        Assert.Equal(400, (await Assert.ThrowsAsync<RequestException>(() => AddProduct.Handle(new("Tea", (decimal)price, 1), catalog.Store, new SearchIndex(), TimeProvider.System, default))).Status);
    }

    [Fact]
    public async Task An_old_price_does_not_overwrite_a_new_one()
    {
        await using var orders = await TestService.Start("orders", _published.Add);
        await orders.Deliver("e3", store => FollowProduct.PriceChanged(new("p", 7, 3), store, default));
        await orders.Deliver("e2", store => FollowProduct.PriceChanged(new("p", 6, 2), store, default));
        await orders.Deliver("e1", store => FollowProduct.Created(new("p", "Tea", 5, 1), store, default));

        Assert.Equal(7, (await orders.Store.Find<ProductCopy>(ProductCopy.KeyOf("p"), default))!.Price);
    }

    [Fact]
    public async Task Of_several_lines_all_are_reserved_or_none()
    {
        await using var inventory = await TestService.Start("inventory", _published.Add);
        await Stocked(inventory, ("a", 5), ("b", 1));

        await inventory.Deliver("e1", store => ReserveStock.Handle(new("o", "u", [new("a", 2, 1), new("b", 2, 1)], 4), store, LevelsOf(store), default));

        Assert.Equal(StockRejected.Type, Assert.Single(_published).Type);
        Assert.Equal(new Stock("a", 5, 0, 0), await inventory.Dapr.Read<Stock>(Stock.KeyOf("a")));
    }

    [Fact]
    public async Task Two_lines_of_one_product_are_counted_together()
    {
        await using var inventory = await TestService.Start("inventory", _published.Add);
        await Stocked(inventory, ("a", 3));

        await inventory.Deliver("e1", store => ReserveStock.Handle(new("o", "u", [new("a", 2, 1), new("a", 2, 1)], 4), store, LevelsOf(store), default));

        Assert.Equal(StockRejected.Type, Assert.Single(_published).Type);
    }

    [Fact]
    public async Task An_order_cancelled_before_it_was_reserved_is_never_reserved()
    {
        await using var inventory = await TestService.Start("inventory", _published.Add);
        await Stocked(inventory, ("a", 3));

        await inventory.Deliver("e2", store => ReleaseStock.Cancelled(new("o", "u", "why"), store, LevelsOf(store), default));
        await inventory.Deliver("e1", store => ReserveStock.Handle(new("o", "u", [new("a", 2, 1)], 2), store, LevelsOf(store), default));

        Assert.Equal(3, (await inventory.Dapr.Read<Stock>(Stock.KeyOf("a")))!.OnHand);
        Assert.Empty(_published);
    }

    [Fact]
    public async Task A_second_delivery_of_the_same_event_charges_once()
    {
        await using var payments = await TestService.Start("payments", _published.Add);
        var provider = new FakeProvider();

        for (var i = 0; i < 2; i++)
        {
            await payments.Deliver("e1", store => ChargeOrder.Handle(new("o", "u", 25), store, new Charging(store, provider, TimeProvider.System), new FraudRule(Settings), default));
        }

        Assert.Equal(1, provider.Charges);
        Assert.Equal(25, provider.Held("o"));
    }

    [Fact]
    public async Task Money_that_was_taken_while_the_order_was_cancelled_goes_back()
    {
        await using var payments = await TestService.Start("payments", _published.Add);
        var provider = new FakeProvider();
        var another = new TestService("payments", payments.Dapr, _published.Add);
        var once = 1;
        payments.Dapr.BeforeSave = async () =>
        {
            // The charge has been made, its payment is about to be saved: now the cancellation comes, to another instance.
            if (once-- > 0)
            {
                await another.Store.Change<Payment>(Payment.KeyOf("o"), _ => new Payment("o", "u", 0, PaymentStatus.Void).Quietly(), default);
            }
        };

        await payments.Deliver("e1", store => ChargeOrder.Handle(new("o", "u", 25), store, new Charging(store, provider, TimeProvider.System), new FraudRule(Settings), default));

        Assert.Equal(0, provider.Held("o"));
        Assert.Equal(PaymentStatus.Refunded, (await payments.Store.Find<Payment>(Payment.KeyOf("o"), default))!.Status);
        Assert.Equal(PaymentRefunded.Type, Assert.Single(_published).Type);
    }

    [Fact]
    public async Task A_parcel_that_was_stopped_does_not_leave_and_one_that_left_cannot_be_stopped()
    {
        await using var shipping = await TestService.Start("shipping", _published.Add);
        var carrier = new FakeCarrier();

        await StopShipment.Handle("stopped", "why", shipping.Store, default);
        await shipping.Deliver("e1", store => ShipOrder.Handle(new("stopped", "u", [new("p", 1, 1)], 1), store, carrier, default));
        await shipping.Deliver("e2", store => ShipOrder.Handle(new("left", "u", [new("p", 1, 1)], 1), store, carrier, default));
        var error = await Assert.ThrowsAsync<RequestException>(() => StopShipment.Handle("left", "why", shipping.Store, default));

        Assert.Equal(409, error.Status);
        Assert.Equal([ShipmentStopped.Type, ShipmentStopped.Type, ShipmentDispatched.Type], _published.Select(told => told.Type));
    }

    private static StockLevels LevelsOf(AggregateStore store) => new(store, Settings);

    private async Task Stocked(TestService inventory, params (string Product, long Stock)[] products)
    {
        foreach (var (product, stock) in products)
        {
            await inventory.Deliver($"seed-{product}", store => StockProduct.Handle(new(product, product, 1, stock), store, LevelsOf(store), default));
        }

        _published.Clear();
    }
}
