using System.Globalization;
using Lavka.Sidecar.Testing;

namespace Lavka.Run.Chaos;

/// <summary>Something that is done to the shop.</summary>
/// <param name="Name">What it is called in the report.</param>
/// <param name="Weight">How often it is chosen, beside the others.</param>
/// <param name="Inject">Does it, and completes when it is over; the shop may still suffer from it.</param>
internal sealed record Fault(string Name, int Weight, Func<Random, CancellationToken, Task> Inject);

/// <summary>What can be done to a shop.</summary>
internal sealed class Faults(ChaosShop shop, Servers servers)
{
    private const int LongestStop = 15_000;
    private const int LongestRewind = 50;
    private int _poisoned;

    /// <summary>The mark of every poisonous event.</summary>
    public const string Poison = "chaos-poison";

    /// <summary>How many poisonous events the shop's sidecars have taken.</summary>
    public int Poisoned => _poisoned;

    /// <summary>All kinds that there are for this shop.</summary>
    public IReadOnlyList<Fault> All =>
    [
        new("a service is killed", 6, (random, _) =>
        {
            KillOne(random);
            return Task.CompletedTask;
        }),
        new("all services are killed at once", 1, (_, _) =>
        {
            foreach (var (_, id) in shop.Services())
            {
                Signals.Send(id, Signals.Kill);
            }

            return Task.CompletedTask;
        }),
        new("a service stands still (1 to 15 s)", 2, (random, stop) => StandStill(One(random)?.Id, random, stop)),
        new("the runner is killed, and all sidecars with it", 2, (_, _) => shop.Restart()),
        new("a service is killed, and the runner a moment later", 2, async (random, stop) =>
        {
            var moment = random.Next(100);
            KillOne(random);
            await Task.Delay(moment, stop);
            await shop.Restart();
        }),
        new("the runner stands still (1 to 15 s)", 1, (random, stop) => StandStill(shop.Runner, random, stop)),
        new("an event that means nothing", 3, Publish),
        .. shop.HasEmbeddedLog ? new[] { new Fault("every group's last events come again, after a kill", 1, (random, _) =>
        {
            var count = 1 + random.Next(LongestRewind);
            return shop.Restart(() => shop.Rewind(count));
        }) } : [],
        .. servers.All.SelectMany(server => OfServer(server.Name, server.Proxy)),
    ];

    private static IEnumerable<Fault> OfServer(string name, TcpProxy server)
    {
        yield return new($"{name}: connections are cut", 2, (_, _) =>
        {
            server.Cut();
            return Task.CompletedTask;
        });
        yield return new($"{name}: is away (1 to 15 s)", 2, (random, stop) => For(random, server.Refuse, server.Resume, stop));
        yield return new($"{name}: nothing comes through (1 to 15 s)", 1, (random, stop) => For(random, () => server.Pause(), server.Resume, stop));
        yield return new($"{name}: no answer comes through (1 to 15 s)", 1, (random, stop) => For(random, () => server.Pause(answersAlone: true), server.Resume, stop));
        yield return new($"{name}: an answer is torn", 2, (random, _) =>
        {
            server.CutAnswerAfter(random.Next(20_000));
            return Task.CompletedTask;
        });
        yield return new($"{name}: is slow (1 to 15 s)", 1, (random, stop) =>
        {
            var delay = TimeSpan.FromMilliseconds(5 + random.Next(100));
            return For(random, () => server.Delay = delay, () => server.Delay = TimeSpan.Zero, stop);
        });
    }

    private static async Task For(Random random, Action begin, Action end, CancellationToken stop)
    {
        var length = 1000 + random.Next(LongestStop - 1000);
        begin();
        try
        {
            await Task.Delay(length, stop);
        }
        finally
        {
            end();
        }
    }

    private static Task StandStill(int? process, Random random, CancellationToken stop) => process is not { } id
        ? Task.CompletedTask
        : For(random, () => Signals.Send(id, Signals.Stop), () => Signals.Send(id, Signals.Continue), stop);

    private (string Name, int Id)? One(Random random)
    {
        // By name, so that the same seed hits the same service whatever its process is called.
        var (services, number) = (shop.Services().OrderBy(service => service.Name, StringComparer.Ordinal).ToList(), random.Next(1000));
        return services.Count == 0 ? null : services[number % services.Count];
    }

    private void KillOne(Random random)
    {
        if (One(random) is { } service)
        {
            Signals.Send(service.Id, Signals.Kill);
        }
    }

    private async Task Publish(Random random, CancellationToken stop)
    {
        (string AppId, string Type)[] known =
        [
            ("orders", "order.created"), ("orders", "order.confirmed"), ("orders", "order.paid"), ("orders", "order.cancelled"), ("inventory", "stock.reserved"), ("payments", "payment.completed"),
            ("shipping", "shipment.dispatched"), ("users", "user.created"), ("catalog", "product.created"),
        ];
        var (appId, type) = known[random.Next(known.Length)];
        var number = random.Next(7) is var kind && kind < 2 ? "" : random.Next(1_000_000).ToString(CultureInfo.InvariantCulture);
        string[] bodies =
        [
            $$"""{ "note": "{{Poison}}" }""", $"\"{Poison}\"", $$"""{ "orderId": "{{Poison}}-{{number}}", "userId": "nobody", "lines": 7 }""",
            $$"""{ "orderId": "{{Poison}}-{{number}}" }""", $$"""{ "orderId": ["{{Poison}}"], "productId": {}, "userId": null }""",
            $$"""{ "orderId": "{{Poison}}||{{number}}", "userId": "../nobody", "productId": "\u0000", "reason": "", "lines": [], "total": 1 }""",
            $$"""{ "orderId": "{{Poison}}-{{number}}", "userId": "nobody", "lines": [null], "total": 1e400, "reason": "{{Poison}}" }""",
        ];
        if (await shop.Publish(appId, type, bodies[kind], stop))
        {
            _poisoned++;
        }
    }
}
