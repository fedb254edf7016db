namespace Lavka.Shop.Tests;

[Collection(ProcessesCollection.Name)]
public sealed class RedisOutageTests(RedisOutageTests.Shop shop) : OutageTests(shop), IClassFixture<RedisOutageTests.Shop>
{
    public sealed class Shop() : RunningShop("redis", "redis", Scale);

    [CellFact("redis", "redis")]
    public Task While_one_of_two_instances_is_kept_down_the_other_has_its_work_and_the_audit_holds() => WithoutOneOfTwoInstances();

    [CellFact("redis", "redis")]
    public Task While_the_broker_is_away_orders_are_accepted_and_the_audit_holds_afterwards() => WithoutBroker();

    [CellFact("redis", "redis")]
    public Task While_the_database_is_away_orders_are_refused_clearly_and_the_audit_holds_afterwards() => WithoutDatabase();
}
