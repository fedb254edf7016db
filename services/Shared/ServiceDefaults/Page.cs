namespace Lavka.ServiceDefaults;

/// <summary>A part of a list, newest first.</summary>
/// <param name="Items">The part.</param>
/// <param name="NextCursor">What to ask the next part with, as <c>?cursor=</c>; null: this was the last.</param>
public sealed record Page<T>(IReadOnlyList<T> Items, string? NextCursor);

/// <summary>Makes pages of aggregates that an <see cref="IdList"/> lists.</summary>
public static class Page
{
    // What a filter lets pass may be rare: a request looks at no more than so many.
    private const int MostLookedAt = 500;
    private const int AtOnce = 50;
    private const int MostItems = 100;
    private const int MostSettled = 10;
    private const int DefaultItems = 20;

    /// <summary>The aggregates that pass the filter.</summary>
    /// <param name="index">The index.</param>
    /// <param name="keyOf">An aggregate's key, by its id in the index.</param>
    /// <param name="limit">How many at most, 1 to 100; 20 by default. With a filter there may be fewer though there is a next page.</param>
    public static Task<Page<T>> Of<T>(AggregateStore store, string index, Func<string, string> keyOf, string? cursor, int? limit, Func<T, bool>? filter, CancellationToken stop)
        where T : class => Of(store, index, keyOf, cursor, limit, filter, 0, stop);

    /// <summary>
    /// The aggregates that wait, by an index of all that ever did. Its oldest pages are not looked at again once nothing in them waits: who waits a second time is added to the index again.
    /// </summary>
    /// <inheritdoc cref="Of{T}(AggregateStore, string, Func{string, string}, string, int?, Func{T, bool}, CancellationToken)"/>
    public static async Task<Page<T>> OfWaiting<T>(
        AggregateStore store, string index, Func<string, string> keyOf, string? cursor, int? limit, Func<T, bool> isWaiting, CancellationToken stop)
        where T : class
    {
        var key = $"{index}-settled";
        var settled = (await store.Find<SettledPages>(key, stop))?.Count ?? 0;
        var page = await Of(store, index, keyOf, cursor, limit, isWaiting, settled, stop);
        for (var last = settled + MostSettled; page.NextCursor is null && settled < last; settled++)
        {
            if (await IdList.FullPage(store, index, settled, stop) is not { } ids || (await store.FindAll<T>([.. ids.Select(keyOf)], stop)).Any(isWaiting))
            {
                break;
            }

            await store.Accept<SettledPages>(key, known => (known?.Count ?? 0) == settled ? new SettledPages(settled + 1).Quietly() : known!.Unchanged(), stop);
        }

        return page;
    }

    private static async Task<Page<T>> Of<T>(
        AggregateStore store, string index, Func<string, string> keyOf, string? cursor, int? limit, Func<T, bool>? filter, int skipped, CancellationToken stop)
        where T : class
    {
        var most = Limit(limit);
        var items = new List<T>();
        for (var looked = 0; looked < MostLookedAt; looked += AtOnce)
        {
            var (ids, next) = await IdList.Slice(store, index, cursor, filter is null ? most : AtOnce, stop, skipped);
            var found = await store.FindAll<T>([.. ids.Select(keyOf)], stop);
            for (var i = 0; i < found.Count; i++)
            {
                if (filter is null || filter(found[i]))
                {
                    items.Add(found[i]);
                }

                if (items.Count == most)
                {
                    return new(items, IdList.Back(next, found.Count - 1 - i, skipped));
                }
            }

            cursor = next;
            if (next is null)
            {
                break;
            }
        }

        return new(items, cursor);
    }

    /// <summary>How many items a page has.</summary>
    /// <exception cref="RequestException">400: not so many.</exception>
    public static int Limit(int? limit) =>
        limit is null or (>= 1 and <= MostItems) ? limit ?? DefaultItems : throw RequestException.Bad($"The limit is {limit}; allowed is a whole number from 1 to {MostItems}.");

    /// <summary>How many of an index's oldest pages hold nothing that waits.</summary>
    private sealed record SettledPages(int Count);
}
