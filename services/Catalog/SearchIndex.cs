using System.Globalization;
using System.Text;
using Lavka.ServiceDefaults;

namespace Lavka.Catalog;

/// <summary>What somebody looks for.</summary>
/// <param name="Words">Every word must begin a word of the name or the description; null: all products.</param>
/// <param name="Sort"><c>name</c>, <c>price</c>, <c>-price</c> or <c>newest</c>, which is the default.</param>
/// <param name="Cursor">Where the page before ended.</param>
public sealed record Search(string? Words, string? Category, decimal? MinPrice, decimal? MaxPrice, string? Sort, string? Cursor, int? Limit);

/// <summary>The products for sale, in memory, by the words of their names and descriptions.</summary>
public sealed class SearchIndex
{
    private const int MostWords = 10;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Product> _products = [];
    private readonly Dictionary<string, HashSet<string>> _words = [];

    // The words with one beginning are together; null: a word has come or gone since.
    private string[]? _sortedWords;

    /// <summary>Whether every product of the store is in.</summary>
    public bool IsComplete { get; set; }

    /// <summary>Puts a product in, as it is now; one that is not for sale any more is taken out. An older state of it changes nothing.</summary>
    public void Put(Product product)
    {
        lock (_lock)
        {
            if (_products.TryGetValue(product.ProductId, out var known))
            {
                if (known.PriceVersion > product.PriceVersion && !product.IsDiscontinued)
                {
                    return;
                }

                Remove(known);
            }

            // What is gone stays known as gone: an older state may still be on its way here.
            var isGone = product.IsDiscontinued || known is { IsDiscontinued: true };
            _products[product.ProductId] = product with { IsDiscontinued = isGone };
            if (isGone)
            {
                return;
            }

            foreach (var word in WordsOf(product))
            {
                if (!_words.TryGetValue(word, out var ids))
                {
                    _words[word] = ids = [];
                    _sortedWords = null;
                }

                ids.Add(product.ProductId);
            }
        }
    }

    /// <summary>A page of the products that match.</summary>
    /// <exception cref="RequestException">400: the sort or the cursor is none. 503: the index is still being built.</exception>
    public Page<Product> Find(Search search)
    {
        if (!IsComplete)
        {
            throw new RequestException(503, "The search index is being built; try again in a moment.");
        }

        var limit = Page.Limit(search.Limit);
        List<Product> found;
        lock (_lock)
        {
            found = [.. (search.Words is null ? _products.Values : Matching([.. Split(search.Words).Distinct().Take(MostWords)])).Where(product => !product.IsDiscontinued
                && (search.Category is null || search.Category.Equals(product.Category, StringComparison.OrdinalIgnoreCase))
                && (search.MinPrice is null || product.Price >= search.MinPrice) && (search.MaxPrice is null || product.Price <= search.MaxPrice))];
        }

        var order = OrderOf(search.Sort);
        found.Sort(order);
        var last = search.Cursor is null ? null : FromCursor(search.Cursor);
        var start = last is null ? 0 : found.FindIndex(product => order.Compare(product, last) > 0);
        var items = start < 0 ? [] : found.Skip(start).Take(limit).ToList();
        return new(items, start >= 0 && start + limit < found.Count ? ToCursor(items[^1]) : null);
    }

    private IEnumerable<Product> Matching(IReadOnlyList<string> beginnings)
    {
        HashSet<string>? all = null;
        foreach (var beginning in beginnings)
        {
            var ids = new HashSet<string>();
            foreach (var word in WordsFrom(beginning))
            {
                ids.UnionWith(_words[word]);
            }

            all = all is null ? ids : [.. all.Intersect(ids)];
        }

        return (all ?? []).Select(id => _products[id]);
    }

    private IEnumerable<string> WordsFrom(string beginning)
    {
        var words = _sortedWords ??= [.. _words.Keys.Order(StringComparer.Ordinal)];
        var first = Array.BinarySearch(words, beginning, StringComparer.Ordinal);
        for (var i = first < 0 ? ~first : first; i < words.Length && words[i].StartsWith(beginning, StringComparison.Ordinal); i++)
        {
            yield return words[i];
        }
    }

    private void Remove(Product product)
    {
        foreach (var word in WordsOf(product))
        {
            if (_words.TryGetValue(word, out var ids) && ids.Remove(product.ProductId) && ids.Count == 0)
            {
                _words.Remove(word);
                _sortedWords = null;
            }
        }
    }

    private static IEnumerable<string> WordsOf(Product product) => Split($"{product.Name} {product.Description}").Distinct();

    private static List<string> Split(string text)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        foreach (var c in text.ToLowerInvariant().Append(' '))
        {
            if (char.IsLetterOrDigit(c))
            {
                word.Append(c);
            }
            else if (word.Length > 0)
            {
                words.Add(word.ToString());
                word.Clear();
            }
        }

        return words;
    }

    // The id last: every product has one place, so that a cursor is never between two of them.
    private static Comparer<Product> OrderOf(string? sort)
    {
        Comparison<Product> by = sort switch
        {
            "name" => (a, b) => string.CompareOrdinal(a.Name.ToLowerInvariant(), b.Name.ToLowerInvariant()),
            "price" => (a, b) => a.Price.CompareTo(b.Price),
            "-price" => (a, b) => b.Price.CompareTo(a.Price),
            null or "newest" => (a, b) => b.CreatedAt.CompareTo(a.CreatedAt),
            _ => throw RequestException.Bad($"The sort '{sort}' is none; allowed are name, price, -price and newest."),
        };
        return Comparer<Product>.Create((a, b) => by(a, b) is var order && order != 0 ? order : string.CompareOrdinal(a.ProductId, b.ProductId));
    }

    // A cursor is the sort keys of the last product, not its id: that may be gone, or cost something else, by the time of the next page.
    private static string ToCursor(Product last) => Convert.ToBase64String(Encoding.UTF8.GetBytes(
        string.Create(CultureInfo.InvariantCulture, $"{last.Price}\n{last.CreatedAt.UtcTicks}\n{last.ProductId}\n{last.Name}"))).Replace('+', '-').Replace('/', '_').TrimEnd('=');

    private static Product FromCursor(string cursor)
    {
        try
        {
            var base64 = cursor.Replace('-', '+').Replace('_', '/');
            var parts = Encoding.UTF8.GetString(Convert.FromBase64String(base64.PadRight((base64.Length + 3) / 4 * 4, '='))).Split('\n', 4);
            return new(parts[2], parts[3], decimal.Parse(parts[0], CultureInfo.InvariantCulture), 0, 0, false, new(long.Parse(parts[1], CultureInfo.InvariantCulture), TimeSpan.Zero));
        }
        catch (Exception e) when (e is FormatException or IndexOutOfRangeException or OverflowException or ArgumentOutOfRangeException)
        {
            throw RequestException.Bad($"'{cursor}' is no cursor of this list; take the one that the answer before it gave.");
        }
    }
}
