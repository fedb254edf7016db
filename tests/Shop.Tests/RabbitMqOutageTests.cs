using Lavka.Sidecar.Testing;

namespace Lavka.Shop.Tests;

[Collection(ProcessesCollection.Name)]
public sealed class RabbitMqOutageTests(RabbitMqOutageTests.Shop shop) : OutageTests(shop), IClassFixture<RabbitMqOutageTests.Shop>
{
    /// <summary>In it Payments' way to the broker can be closed.</summary>
    public sealed class Shop() : RunningShop("rabbitmq", "postgresql", Scale)
    {
        public TcpProxy Proxy { get; private set; } = null!;

        public override async Task InitializeAsync()
        {
            await base.InitializeAsync();
            if (Cell?.RabbitMq is { } server)
            {
                Proxy = TcpProxy.Start(server.Port);
                Cell.Shop.Divert("payments", $"127.0.0.1:{server.Port}", $"127.0.0.1:{Proxy.Port}");
            }
        }

        public override async Task DisposeAsync()
        {
            await base.DisposeAsync();
            await (Proxy?.DisposeAsync() ?? default);
        }
    }

    [CellFact("rabbitmq", "postgresql")]
    public Task While_one_of_two_instances_is_kept_down_the_other_has_its_work_and_the_audit_holds() => WithoutOneOfTwoInstances();

    [CellFact("rabbitmq", "postgresql")]
    public Task While_the_broker_is_away_orders_are_accepted_and_the_audit_holds_afterwards() => WithoutBroker();

    [CellFact("rabbitmq", "postgresql")]
    public Task While_one_service_is_cut_off_from_the_broker_orders_wait_for_it_and_the_audit_holds_afterwards() => WithoutPayments(shop.Proxy);
}
