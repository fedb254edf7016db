using Lavka.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lavka.Payments;

/// <summary>The API: <c>/v2/payments</c> and <c>/v2/ledger</c>.</summary>
public static class V2
{
    public sealed record PaymentView(string OrderId, string UserId, decimal Amount, string Status, string? Reason)
    {
        public static PaymentView Of(Payment payment) => new(payment.OrderId, payment.UserId, payment.Amount, payment.Status.ToName(), payment.Reason);
    }

    public sealed record Review(string? Decision);

    public sealed record AccountView(string Account, decimal Debit, decimal Credit, decimal Balance);

    public sealed record LedgerView(IReadOnlyList<AccountView> Accounts, decimal TotalDebit, decimal TotalCredit, bool IsBalanced);

    public static void MapV2(this WebApplication app)
    {
        var payments = app.MapGroup("/v2/payments").WithTags("Payments");
        payments.MapGet("", async Task<Ok<Page<PaymentView>>> (string? status, string? cursor, int? limit, Caller caller, AggregateStore store, CancellationToken stop) =>
        {
            caller.MustBeOperator();
            if (status != "review")
            {
                throw RequestException.Bad($"The status is '{status ?? "missing"}'; allowed is review: /v2/payments?status=review");
            }

            var page = await Page.OfWaiting<Payment>(store, Payment.ReviewIndex, Payment.KeyOf, cursor, limit, payment => payment.Status == PaymentStatus.Review, stop);
            return TypedResults.Ok(new Page<PaymentView>([.. page.Items.Select(PaymentView.Of)], page.NextCursor));
        }).WithSummary("The payments that somebody is to look at (status=review). For operators.");
        payments.MapGet("/{orderId}", async Task<Ok<PaymentView>> (string orderId, Caller caller, AggregateStore store, CancellationToken stop) =>
            await store.Find<Payment>(Payment.KeyOf(orderId), stop) is { } payment && caller.MayAct(payment.UserId)
                ? TypedResults.Ok(PaymentView.Of(payment))
                : throw RequestException.NotFound($"There is no payment for an order '{orderId}'."))
            .WithSummary("An order's payment.");
        payments.MapPost("/{orderId}/review", async Task<Ok<PaymentView>> (string orderId, Review review, Caller caller, AggregateStore store, CancellationToken stop) =>
        {
            caller.MustBeOperator();
            return TypedResults.Ok(PaymentView.Of(await ReviewPayment.Handle(orderId, review.Decision, store, stop)));
        }).WithSummary("Decide a payment in review: approve or decline. For operators.");

        var ledger = app.MapGroup("/v2/ledger").WithTags("Ledger");
        ledger.MapGet("", async Task<Ok<LedgerView>> (Caller caller, AggregateStore store, CancellationToken stop) =>
        {
            caller.MustBeOperator();
            return TypedResults.Ok(await Balance(store, stop));
        }).WithSummary("The ledger's accounts. For operators.");
        ledger.MapGet("/entries", async Task<Ok<Page<LedgerEntry>>> (string? cursor, Caller caller, AggregateStore store, CancellationToken stop) =>
        {
            caller.MustBeOperator();
            return TypedResults.Ok(await Entries(cursor, store, stop));
        }).WithSummary("Every posting, in pages. For operators.");
    }

    private static async Task<LedgerView> Balance(AggregateStore store, CancellationToken stop)
    {
        var totals = new SortedDictionary<string, AccountTotals>(StringComparer.Ordinal);
        foreach (var part in Enumerable.Range(0, JournalPage.Parts))
        {
            var page = await store.FindPart<JournalPage>(JournalPage.KeyOf(part), stop);
            foreach (var (account, more) in page?.Totals ?? new Dictionary<string, AccountTotals>())
            {
                var sum = totals.GetValueOrDefault(account) ?? new(0, 0);
                totals[account] = new(sum.Debit + more.Debit, sum.Credit + more.Credit);
            }
        }

        var (debit, credit) = (totals.Values.Sum(sum => sum.Debit), totals.Values.Sum(sum => sum.Credit));
        return new([.. totals.Select(one => new AccountView(one.Key, one.Value.Debit, one.Value.Credit, one.Value.Debit - one.Value.Credit))], debit, credit, debit == credit);
    }

    /// <summary>A page of the journal: the newest of the first part, those before it, then the next part. The cursor is part and page.</summary>
    private static async Task<Page<LedgerEntry>> Entries(string? cursor, AggregateStore store, CancellationToken stop)
    {
        var place = (cursor ?? "0").Split('.');
        int? number = null;
        if (!TryParse(place[0], out var part) || part >= JournalPage.Parts || place.Length > 2 || (place.Length == 2 && (number = TryParse(place[1], out var earlier) ? earlier : null) is null))
        {
            throw RequestException.Bad($"'{cursor}' is no place in this list; take the one that the answer before it gave.");
        }

        var page = await store.FindPart<JournalPage>(JournalPage.KeyOf(part, number), stop);
        var next = page is { Number: > 0 } ? $"{part}.{page.Number - 1}" : part + 1 < JournalPage.Parts ? $"{part + 1}" : null;
        return new(page?.Entries ?? [], next);

        static bool TryParse(string text, out int number) => int.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out number);
    }
}
