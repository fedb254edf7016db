using Lavka.Contracts;
using Lavka.Payments;
using Microsoft.Extensions.Configuration;

namespace Lavka.Services.Tests;

public sealed class ChargingTests : IAsyncLifetime
{
    private readonly List<Published> _published = [];
    private TestService _payments = null!;
    private readonly FakeProvider _provider = new();
    private Charging _charging = null!;

    public async Task InitializeAsync()
    {
        _payments = await TestService.Start("payments", _published.Add);
        _charging = new(_payments.Store, _provider, TimeProvider.System);
    }

    public async Task DisposeAsync() => await _payments.DisposeAsync();

    [Fact]
    public async Task A_charge_without_an_answer_is_asked_about_until_there_is_one_and_made_once()
    {
        _provider.LostAnswers = 2;
        await Confirm("o", 25);
        Assert.True((await Find("o")).IsWaiting);
        Assert.Equal(PaymentStatus.Unknown, (await Find("o")).Status);

        Assert.False(await _charging.Run(await Find("o"), default));
        Assert.True(await _charging.Run(await Find("o"), default));

        Assert.Equal(PaymentStatus.Completed, (await Find("o")).Status);
        Assert.Equal(1, _provider.Charges);
        Assert.Equal(PaymentCompleted.Type, Assert.Single(_published).Type);
    }

    [Fact]
    public async Task Money_of_an_unknown_charge_goes_back_if_the_order_is_cancelled_meanwhile()
    {
        _provider.LostAnswers = 1;
        await Confirm("o", 25);
        await Cancel("o");

        Assert.True(await _charging.Run(await Find("o"), default));

        Assert.Equal(0, _provider.Held("o"));
        Assert.Equal((PaymentStatus.Refunded, 25m), ((await Find("o")).Status, (await Find("o")).Amount));
        Assert.Equal(["charge", "refund"], await Postings());
    }

    [Fact]
    public async Task The_amount_is_known_even_if_the_cancellation_came_first_and_the_provider_does_not_answer()
    {
        // A charge went out, its delivery died before it saved anything, and the cancellation was quicker than its repeat.
        await _provider.Charge("o", 25, default);
        await Cancel("o");
        _provider.LostAnswers = 1;
        await Confirm("o", 25);
        Assert.True((await Find("o")).IsWaiting);

        Assert.True(await _charging.Run(await Find("o"), default));

        Assert.Equal((PaymentStatus.Refunded, 25m), ((await Find("o")).Status, (await Find("o")).Amount));
        Assert.Equal(["charge", "refund"], await Postings());
    }

    [Theory]
    [InlineData(2999.99, PaymentStatus.Completed)]
    [InlineData(3000, PaymentStatus.Review)]
    [InlineData(5000, PaymentStatus.Review)]
    [InlineData(5000.01, PaymentStatus.Completed)]
    public async Task Unusually_high_amounts_are_held_unless_the_provider_declines_them_anyway(decimal amount, PaymentStatus becomes)
    {
        await Confirm("o", amount);

        Assert.Equal(becomes, (await Find("o")).Status);
        Assert.Equal(becomes == PaymentStatus.Review ? 0 : 1, _provider.Charges);
    }

    [Fact]
    public async Task A_held_payment_whose_order_is_cancelled_is_never_charged()
    {
        await Confirm("o", 3500);
        await Cancel("o");

        await Assert.ThrowsAsync<ServiceDefaults.RequestException>(() => ReviewPayment.Handle("o", "approve", _payments.Store, default));

        Assert.Equal(0, _provider.Charges);
    }

    [Fact]
    public async Task The_journal_has_every_posting_once_over_many_pages()
    {
        for (var i = 0; i < 2000; i++)
        {
            await Confirm($"{i}", 1);
        }

        var (entries, debit) = (0, 0m);
        foreach (var part in Enumerable.Range(0, JournalPage.Parts))
        {
            var page = await _payments.Store.FindPart<JournalPage>(JournalPage.KeyOf(part), default);
            debit += page?.Totals[Accounts.Cash].Debit ?? 0;
            for (; page is not null; page = page.Number == 0 ? null : await _payments.Store.FindPart<JournalPage>(JournalPage.KeyOf(part, page.Number - 1), default))
            {
                entries += page.Entries.Count;
            }
        }

        Assert.Equal((2000, 2000m), (entries, debit));
    }

    private Task Confirm(string orderId, decimal amount) => _payments.Deliver($"confirmed-{orderId}", store =>
        ChargeOrder.Handle(new(orderId, "u", amount), store, _charging, new FraudRule(new ConfigurationBuilder().Build()), default));

    private Task Cancel(string orderId) => _payments.Deliver($"cancelled-{orderId}", store => RefundOrder.Cancelled(new(orderId, "u", "why"), store, _provider, TimeProvider.System, default));

    private async Task<Payment> Find(string orderId) => (await _payments.Store.Find<Payment>(Payment.KeyOf(orderId), default))!;

    private async Task<IEnumerable<string>> Postings() =>
        (await _payments.Store.FindPart<JournalPage>(JournalPage.KeyFor("o"), default))!.Entries.Select(entry => entry.Kind);
}
