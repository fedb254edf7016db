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
    private const int DefaultItems = 20;

    /// <summary>The aggregates that pass the filter.</summary>
    /// <param name="index">The index.</param>
    /// <param name="keyOf">An aggregate's key, by its id in the index.</param>
    /// <param name="limit">How many at most, 1 to 100; 20 by default. With a filter there may be fewer though there is a next page.</param>
    public static async Task<Page<T>> Of<T>(
        AggregateStore store, string index, Func<string, string> keyOf, string? cursor, int? limit, Func<T, bool>? filter, CancellationToken stop)
        where T : class
    {
        var most = Limit(limit);
        var items = new List<T>();
        for (var looked = 0; looked < MostLookedAt; looked += AtOnce)
        {
            var (ids, next) = await IdList.Slice(store, index, cursor, filter is null ? most : AtOnce, stop);
            var found = await store.FindAll<T>([.. ids.Select(keyOf)], stop);
            for (var i = 0; i < found.Count; i++)
            {
                if (filter is null || filter(found[i]))
                {
                    items.Add(found[i]);
                }

                if (items.Count == most)
                {
                    return new(items, IdList.Back(next, found.Count - 1 - i));
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
}
