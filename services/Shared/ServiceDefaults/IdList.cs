namespace Lavka.ServiceDefaults;

/// <summary>
/// An index that Dapr's key-value state can hold: the newest ids under the index's key, the full pages before them under the key and their number. Pages are of a limited
/// size, so that adding stays cheap however long the index gets, and an id keeps its position, so that a cursor stays right while the index grows.
/// </summary>
/// <param name="Ids">The ids, oldest first.</param>
/// <param name="Number">How many pages are before this one.</param>
public sealed record IdList(IReadOnlyList<string> Ids, int Number = 0)
{
    internal const int PageSize = 50;

    /// <summary>Adds an id to an index.</summary>
    public static void Add(Parts<IdList> parts, string key, string id)
    {
        var page = parts[key] ?? new([]);
        if (page.Ids.Count < PageSize)
        {
            parts.Set(key, page with { Ids = [.. page.Ids, id] });
        }
        else
        {
            parts.Set(PageKey(key, page.Number), page);
            parts.Set(key, new([id], page.Number + 1));
        }
    }

    /// <summary>One page, oldest first, and what to ask the page before it with.</summary>
    /// <param name="page">Null: the newest.</param>
    public static async Task<(IReadOnlyList<string> Ids, string? Earlier)> Page(AggregateStore store, string key, string? page, CancellationToken stop)
    {
        var found = await store.FindPart<IdList>(page is null ? key : PageKey(key, Position(page)), stop);
        return (found?.Ids ?? [], found is { Number: > 0 } ? (found.Number - 1).ToString(System.Globalization.CultureInfo.InvariantCulture) : null);
    }

    /// <summary>So many ids, newest first.</summary>
    /// <param name="cursor">Where an earlier slice ended; null: the newest.</param>
    /// <param name="limit">How many.</param>
    /// <param name="skipped">How many of the oldest pages are left out.</param>
    /// <returns>The ids, and the cursor of those before them; null: these were the first.</returns>
    public static async Task<(IReadOnlyList<string> Ids, string? NextCursor)> Slice(
        AggregateStore store, string key, string? cursor, int limit, CancellationToken stop, int skipped = 0)
    {
        var newest = await store.FindPart<IdList>(key, stop) ?? new([]);
        var end = (newest.Number * PageSize) + newest.Ids.Count;
        end = cursor is null ? end : Math.Min(end, Position(cursor));
        var ids = new List<string>();
        var first = skipped * PageSize;
        while (end > first && ids.Count < limit)
        {
            var number = (end - 1) / PageSize;
            var page = number == newest.Number ? newest : await store.FindPart<IdList>(PageKey(key, number), stop) ?? new([]);
            for (; end > number * PageSize && ids.Count < limit; end--)
            {
                ids.Add(page.Ids[end - 1 - (number * PageSize)]);
            }
        }

        return (ids, end > first ? end.ToString(System.Globalization.CultureInfo.InvariantCulture) : null);
    }

    /// <summary>The ids of one of the full pages, which stay as they are; null: it is not full yet.</summary>
    /// <param name="number">Which, from 0, the oldest.</param>
    internal static async Task<IReadOnlyList<string>?> FullPage(AggregateStore store, string key, int number, CancellationToken stop) =>
        await store.FindPart<IdList>(key, stop) is { } newest && number < newest.Number ? (await store.FindPart<IdList>(PageKey(key, number), stop))?.Ids : null;

    /// <summary>The cursor of a place so many ids before the end of a slice.</summary>
    /// <param name="nextCursor">The slice's own.</param>
    /// <param name="skipped">The slice's own.</param>
    public static string? Back(string? nextCursor, int ids, int skipped = 0) => ids == 0 ? nextCursor
        : ((nextCursor is null ? skipped * PageSize : Position(nextCursor)) + ids) is > 0 and var position
        ? position.ToString(System.Globalization.CultureInfo.InvariantCulture)
        : null;

    private static string PageKey(string key, int number) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{key}-{number}");

    private static int Position(string cursor) => int.TryParse(cursor, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var position)
        ? position
        : throw RequestException.Bad($"'{cursor}' is no place in this list; take the one that the answer before it gave.");
}
