using Dapr.Client;
using Grpc.Net.Client;
using Lavka.Payments;
using Lavka.ServiceDefaults;
using Lavka.Testing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging.Abstractions;

namespace Lavka.Services.Tests;

/// <summary>What a service's state has to bear on the real daprd with PostgreSQL: its answers are not always what they seem.</summary>
[Trait("Needs", "Dapr")]
public sealed class OnDaprTests : IAsyncLifetime
{
    private const string Store = "statestore";

    private readonly TempFolder _folder = new();
    private PostgreSqlServer? _server;
    private TcpProxy? _proxy;
    private Daprd? _daprd;
    private DaprClient? _client;

    private TcpProxy Proxy => _proxy!;

    private DaprClient Client => _client!;

    public sealed record Thing(string Text);

    public async Task InitializeAsync()
    {
        if (new DaprPostgreSqlFactAttribute().Skip is not null)
        {
            return;
        }

        _server = await PostgreSqlServer.StartAsync();
        _proxy = TcpProxy.Start(_server.Port);
        var component = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "components", "postgresql", "statestore.yaml"));
        var address = $"postgres://{PostgreSqlServer.User}:{Uri.EscapeDataString(PostgreSqlServer.Password)}@127.0.0.1:{_proxy.Port}/lavka?sslmode=disable";
        _folder.Write("statestore.yaml", component.Replace("host=localhost port=5432 user=lavka password=lavka database=lavka connect_timeout=10 pool_max_conns=8", address, StringComparison.Ordinal));
        _daprd = await Daprd.Start("payments", _folder.Path);
        _client = new DaprClientBuilder().UseHttpEndpoint($"http://127.0.0.1:{_daprd.HttpPort}").UseGrpcEndpoint($"http://127.0.0.1:{_daprd.GrpcPort}").Build();
    }

    public async Task DisposeAsync()
    {
        _client?.Dispose();
        await (_daprd?.DisposeAsync() ?? default);
        await (_proxy?.DisposeAsync() ?? default);
        await (_server?.DisposeAsync() ?? default);
        _folder.Dispose();
    }

    [DaprPostgreSqlFact]
    public async Task What_a_bulk_answer_leaves_out_because_the_connection_broke_is_there_all_the_same()
    {
        var things = NewStore();
        var keys = Enumerable.Range(0, 40).Select(i => $"thing-{i}").ToList();
        foreach (var key in keys)
        {
            await things.Accept<Thing>(key, _ => new Thing(new('x', 20_000)).Quietly(), default);
        }

        // What daprd makes of it: success, and keys without a value.
        Proxy.CutAnswerAfter(200_000);
        var bulk = await Client.GetBulkStateAsync<StoredAggregate<Thing>?>(Store, keys, parallelism: 8);
        Assert.Contains(bulk, item => item.Value is null);

        Proxy.CutAnswerAfter(200_000);
        Assert.Equal(keys.Count, (await things.FindAll<Thing>(keys, default)).Count);

        Proxy.CutAnswerAfter(200_000);
        var read = 0;
        await things.Change<Thing, StoredAggregate<Thing>>(keys[0], keys[1..], (thing, parts) =>
        {
            read = keys[1..].Count(key => parts[key] is not null);
            return thing?.Unchanged() ?? throw new RuleBrokenException("It is not there.");
        }, default);
        Assert.Equal(keys.Count - 1, read);
    }

    [DaprPostgreSqlFact]
    public async Task A_first_write_that_finds_a_value_is_a_conflict_whatever_the_store_says()
    {
        Assert.True(await Client.TrySave(Store, "key", new Thing("first"), "", default));
        Assert.False(await Client.TrySave(Store, "key", new Thing("second"), "", default));

        Assert.Equal("first", (await Client.GetStateAsync<Thing>(Store, "key")).Text);
    }

    [DaprPostgreSqlFact]
    public async Task A_payment_that_was_killed_between_charge_and_save_goes_on()
    {
        var provider = new SimulatedProvider(Client, new ConfigurationBuilder().Build(), TimeProvider.System);
        await provider.Charge("order", 25, default);

        Assert.Equal(ChargeOutcome.Taken, (await provider.Charge("order", 25, default)).Outcome);
    }

    private AggregateStore NewStore()
    {
        var outbox = new Outbox(Client, new(GrpcChannel.ForAddress($"http://127.0.0.1:{_daprd!.GrpcPort}")), new ServiceName("payments"), NullLogger<Outbox>.Instance);
        return new(Client, outbox, new FollowUpCalendar(Client, TimeProvider.System), NullLogger<AggregateStore>.Instance);
    }
}
