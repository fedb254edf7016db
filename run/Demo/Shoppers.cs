namespace Lavka.Run.Demo;

/// <summary>Who buys, and what there is to buy: made once for a run.</summary>
internal sealed record Shoppers(IReadOnlyList<User> Users, IReadOnlyList<Session> SignedIn, Session Operators, Catalog Catalog)
{
    /// <summary>So many at a time when the shop is filled, and when the demo places its orders.</summary>
    public const int Clients = 16;

    private const int Accounts = 50;
    private const int Products = 20;

    /// <summary>Registers those who buy without signing in.</summary>
    public static Task<User[]> Register(ShopClient shop, CancellationToken stop) => Seed(Accounts, i => shop.Register($"demo-{i:00}@example.com", $"Demo {i:00}", stop), stop);

    /// <summary>Registers those who sign in.</summary>
    public static Task<Session[]> SignIn(ShopClient shop, int count, CancellationToken stop) =>
        Seed(count, i => shop.RegisterAndSignIn($"shopper-{i:00}@example.com", $"Shopper {i:00}", "demo-password", stop), stop);

    /// <summary>Adds products: enough for so many orders of most, too little of one.</summary>
    public static async Task<Catalog> AddProducts(ShopClient shop, string run, int orders, CancellationToken stop)
    {
        var plenty = await Seed(Products, i => shop.Add($"Demo product {i:00} ({run})", 5 + (i * 2.5m), Math.Min(9_000, 100 + orders), stop), stop);
        return new(
            plenty, await Add("scarce", 20, Math.Max(1, orders / 50)),

            // Above what the simulated payment provider takes; above what it takes unseen; and the cents at which it loses its answer, or takes its time.
            await Add("declined", 6000, orders), await Add("suspicious", 3200, orders), await Add("lost answer", 20.13m, orders), await Add("slow to pay", 20.14m, orders),
            await Add("moving price", 10, 10 * orders));

        Task<Product> Add(string name, decimal price, long stock) => shop.Add($"Demo {name} ({run})", price, stock, stop);
    }

    private static async Task<T[]> Seed<T>(int count, Func<int, Task<T>> make, CancellationToken stop)
    {
        var made = new T[count];
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = Clients, CancellationToken = stop }, async (i, _) => made[i] = await make(i + 1));
        return made;
    }
}
