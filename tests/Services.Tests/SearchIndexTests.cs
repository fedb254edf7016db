using Lavka.Catalog;
using Lavka.ServiceDefaults;

namespace Lavka.Services.Tests;

public sealed class SearchIndexTests
{
    private readonly SearchIndex _index = new() { IsComplete = true };

    [Fact]
    public void Pages_have_every_product_once_while_prices_change_and_products_come_and_go()
    {
        for (var i = 0; i < 50; i++)
        {
            _index.Put(Tea(i, price: i / 10));
        }

        var seen = new List<string>();
        for (var page = Find(null); ; page = Find(page.NextCursor))
        {
            seen.AddRange(page.Items.Select(product => product.ProductId));

            // What was seen gets cheaper or goes, what is new is cheaper than all: none of it comes again, and nothing is left out.
            _index.Put(page.Items[0] with { Price = 0, PriceVersion = 2 });
            _index.Put(page.Items[^1] with { IsDiscontinued = true });
            _index.Put(Tea(-seen.Count, price: 0));
            if (page.NextCursor is null)
            {
                break;
            }
        }

        Assert.Equal(Enumerable.Range(0, 50).Select(i => $"{i:000}"), seen);

        Page<Product> Find(string? cursor) => _index.Find(new("tea", null, null, null, "price", cursor, 7));
    }

    [Fact]
    public void An_older_state_does_not_bring_back_what_is_newer_or_gone()
    {
        _index.Put(Tea(1, price: 5) with { PriceVersion = 2 });
        _index.Put(Tea(1, price: 4));
        _index.Put(Tea(2, price: 5) with { IsDiscontinued = true });
        _index.Put(Tea(2, price: 5));

        Assert.Equal(5, Assert.Single(Find("tea")).Price);
    }

    [Fact]
    public void A_word_of_an_old_name_is_forgotten()
    {
        _index.Put(Tea(1, price: 5));
        _index.Put(Tea(1, price: 5) with { Name = "Coffee" });

        Assert.Empty(Find("tea"));
        Assert.Single(Find("COF"));
    }

    [Theory]
    [InlineData("чай", "ча")]
    [InlineData("Jasmin-Tee, grün", "GRÜ")]
    [InlineData("Tea 100g", "100")]
    public void Words_are_letters_and_digits_of_any_script(string name, string words)
    {
        _index.Put(Tea(1, price: 5) with { Name = name });

        Assert.Single(Find(words));
    }

    [Fact]
    public void Until_every_product_is_in_it_says_so() =>
        Assert.Equal(503, Assert.Throws<RequestException>(() => new SearchIndex().Find(new(null, null, null, null, null, null, null))).Status);

    [Theory]
    [InlineData("nonsense")]
    [InlineData("AAAA")]
    [InlineData("")]
    public void A_cursor_that_is_none_is_refused(string cursor)
    {
        _index.Put(Tea(1, price: 5));

        Assert.Equal(400, Assert.Throws<RequestException>(() => _index.Find(new(null, null, null, null, null, cursor, null))).Status);
    }

    private IReadOnlyList<Product> Find(string words) => _index.Find(new(words, null, null, null, null, null, null)).Items;

    private static Product Tea(int i, decimal price) => new($"{i:000}", $"Tea {i}", price, 1, 1, IsDiscontinued: false, DateTimeOffset.UnixEpoch);
}
