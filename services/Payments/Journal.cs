using System.Globalization;
using Lavka.ServiceDefaults;

namespace Lavka.Payments;

/// <summary>The accounts of the ledger.</summary>
public static class Accounts
{
    /// <summary>Money we have.</summary>
    public const string Cash = "cash";

    /// <summary>What customers paid us for.</summary>
    public const string Revenue = "revenue";

    /// <summary>What we gave back.</summary>
    public const string Refunds = "refunds";
}

/// <summary>A posting of double-entry bookkeeping: the same amount debits one account and credits another.</summary>
/// <param name="EntryId">Made from the order and the kind: an order is charged once and refunded once.</param>
/// <param name="Kind"><c>charge</c> or <c>refund</c>.</param>
public sealed record LedgerEntry(string EntryId, string OrderId, string Kind, string Debit, string Credit, decimal Amount, DateTimeOffset At);

/// <summary>What has been debited and credited to an account.</summary>
public sealed record AccountTotals(decimal Debit, decimal Credit);

/// <summary>
/// A page of the journal. The journal has sixteen parts, by order, so that charges do not queue for one page; each part's newest page has its totals. A page is saved in
/// the same transaction as the payment it is about.
/// </summary>
/// <param name="Number">How many pages of this part are before it.</param>
/// <param name="Totals">By account, over this page and all before it.</param>
public sealed record JournalPage(int Number, IReadOnlyList<LedgerEntry> Entries, IReadOnlyDictionary<string, AccountTotals> Totals)
{
    public const int Parts = 16;
    private const int PageSize = 50;

    /// <summary>The newest page of a part; with a number, an earlier one.</summary>
    public static string KeyOf(int part, int? number = null) => string.Create(CultureInfo.InvariantCulture, $"journal-{part}{(number is null ? "" : $"-{number}")}");

    /// <summary>The newest page of an order's part.</summary>
    public static string KeyFor(string orderId) => KeyOf(orderId.Aggregate(0, (sum, c) => ((sum * 31) + c) & 0xFFFF) % Parts);

    /// <summary>The money of an order came.</summary>
    public static void Charge(Parts<JournalPage> parts, string orderId, decimal amount, DateTimeOffset at) =>
        Post(parts, new($"{orderId}/charge", orderId, "charge", Accounts.Cash, Accounts.Revenue, amount, at));

    /// <summary>The money of an order went back.</summary>
    public static void Refund(Parts<JournalPage> parts, string orderId, decimal amount, DateTimeOffset at) =>
        Post(parts, new($"{orderId}/refund", orderId, "refund", Accounts.Refunds, Accounts.Cash, amount, at));

    private static void Post(Parts<JournalPage> parts, LedgerEntry entry)
    {
        var key = KeyFor(entry.OrderId);
        var page = parts[key] ?? new(0, [], new Dictionary<string, AccountTotals>());
        if (page.Entries.Count >= PageSize)
        {
            parts.Set(string.Create(CultureInfo.InvariantCulture, $"{key}-{page.Number}"), page);
            page = page with { Number = page.Number + 1, Entries = [] };
        }

        var totals = new Dictionary<string, AccountTotals>(page.Totals);
        var (debit, credit) = (Of(totals, entry.Debit), Of(totals, entry.Credit));
        totals[entry.Debit] = debit with { Debit = debit.Debit + entry.Amount };
        totals[entry.Credit] = credit with { Credit = credit.Credit + entry.Amount };
        parts.Set(key, page with { Entries = [.. page.Entries, entry], Totals = totals });
    }

    private static AccountTotals Of(Dictionary<string, AccountTotals> totals, string account) => totals.GetValueOrDefault(account) ?? new(0, 0);
}
