namespace Lavka.Shop.Tests;

[Collection(ProcessesCollection.Name)]
public sealed class KafkaOutageTests(KafkaOutageTests.Shop shop) : OutageTests(shop), IClassFixture<KafkaOutageTests.Shop>
{
    public sealed class Shop() : RunningShop("kafka", "postgresql", Scale);

    [CellFact("kafka", "postgresql")]
    public Task While_one_of_two_instances_is_kept_down_the_other_has_its_work_and_the_audit_holds() => WithoutOneOfTwoInstances();

    [CellFact("kafka", "postgresql")]
    public Task While_the_brokers_are_away_orders_are_accepted_and_the_audit_holds_afterwards() => WithoutBroker();

    [CellFact("kafka", "postgresql")]
    public Task While_the_database_is_away_orders_are_refused_clearly_and_the_audit_holds_afterwards() => WithoutDatabase();
}
