using System.Text.Json;
using Lavka.Testing;

namespace Lavka.Contracts.Tests;

public sealed class SchemasTests
{
    [Theory]
    [InlineData("""{"properties":{"at":{"format":"date-time"}}}""", """{"at":"today"}""", "'/at': Value does not match format \"date-time\"")]
    [InlineData("""{"properties":{"key":{"format":"uuid"}}}""", """{"key":"0"}""", "'/key': Value does not match format \"uuid\"")]
    [InlineData("""{"items":{"required":["quantity"]}}""", """[{"quantity":1},{}]""", "'/1': Required properties [\"quantity\"] are not present")]
    [InlineData("""{"required":["id"]}""", "{}", "'': Required properties [\"id\"] are not present")]
    public void What_does_not_fit_is_named_with_its_path(string schema, string json, string problem) => Assert.Equal(problem, Schemas.Parse(schema).Problem(JsonElement.Parse(json)));

    [Theory]
    [InlineData("""{"properties":{"a":{"items":{"multiplesOf":2}}}}""", "/properties/a/items/multiplesOf")]
    [InlineData("""{"additionalProperties":{"multiplesOf":2}}""", "/additionalProperties/multiplesOf")]
    [InlineData("""{"properties":{"a":{"format":"email"}}}""", "/properties/a/format")]
    [InlineData("""{"type":"strin"}""", "/type")]
    public void A_keyword_that_is_not_checked_is_an_error(string schema, string where) =>
        Assert.Contains($"'{where}'", Assert.Throws<FormatException>(() => Schemas.Parse(schema)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("stock.reserved", """{"orderId":"o"}""", null)]
    [InlineData("stock.reserved", """{"orderId":1}""", "The event stock.reserved breaks its schema stock.reserved.v1.json: '/orderId': Value is \"integer\" but should be \"string\".")]
    [InlineData("stock.lost", "{}", "The event stock.lost has no schema: there is no stock.lost.v1.json in services/Shared/Contracts/schemas.")]
    [InlineData("stock.lost.v2", "{}", "The event stock.lost.v2 has no schema: there is no stock.lost.v2.json in services/Shared/Contracts/schemas.")]
    [InlineData(null, "{}", "An event was published without a type.")]
    public void An_event_is_judged_by_the_schema_of_its_type(string? type, string data, string? problem) => Assert.Equal(problem, EventSchemas.Problem(type, JsonElement.Parse(data)));
}
