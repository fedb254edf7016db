namespace Lavka.ServiceDefaults;

/// <summary>
/// An index that Dapr's key-value state can hold: the newest ids, and the key of the page with those before. Pages are of a limited size, so that adding
/// stays cheap however long the index gets.
/// </summary>
/// <param name="Ids">The ids, oldest first.</param>
/// <param name="Earlier">The key of the page before; null: this is the first.</param>
public sealed record IdList(IReadOnlyList<string> Ids, string? Earlier = null)
{
    private const int PageSize = 50;

    /// <summary>Adds an id to the index whose newest page has this key.</summary>
    public static void Add(Parts<IdList> parts, string key, string id)
    {
        var page = parts[key];
        if (page is null)
        {
            parts.Set(key, new([id]));
        }
        else if (page.Ids.Count < PageSize)
        {
            parts.Set(key, page with { Ids = [.. page.Ids, id] });
        }
        else
        {
            var full = $"{key}-{Guid.CreateVersion7():N}";
            parts.Set(full, page);
            parts.Set(key, new([id], full));
        }
    }

    /// <summary>One page, and the key to ask the page before it with.</summary>
    public static async Task<(IReadOnlyList<string> Ids, string? Earlier)> Page(AggregateStore store, string key, string? page, CancellationToken stop)
    {
        if (page is not null && !page.StartsWith(key + '-', StringComparison.Ordinal))
        {
            throw RequestException.Bad($"'{page}' is no page of this list; take the link of the page before.");
        }

        var found = await store.FindPart<IdList>(page ?? key, stop);
        return (found?.Ids ?? [], found?.Earlier);
    }

    /// <summary>Every id, newest page first.</summary>
    public static async Task<IReadOnlyList<string>> All(AggregateStore store, string key, CancellationToken stop)
    {
        var ids = new List<string>();
        for (string? page = key; page is not null;)
        {
            var found = await store.FindPart<IdList>(page, stop);
            ids.AddRange(found?.Ids ?? []);
            page = found?.Earlier;
        }

        return ids;
    }
}
