using System.Text.Json;
using Lavka.Testing;

namespace Lavka.Contracts.Tests;

public sealed class JsonSchemaTests
{
    private const string Order = """
        {
          "$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "urn:x", "title": "Order", "description": "An order", "type": "object", "required": ["id", "lines"],
          "properties": {
            "id": { "type": "string" },
            "note": { "type": ["string", "null"] },
            "lines": { "type": "array", "items": { "type": "object", "required": ["quantity"], "properties": { "quantity": { "type": "integer", "minimum": 1, "maximum": 9 }, "price": { "type": "number" } } } },
            "state": { "enum": ["open", "closed"] },
            "kind": { "const": "order" },
            "at": { "type": "string", "format": "date-time" },
            "key": { "type": "string", "format": "uuid", "pattern": "^0" },
            "paid": { "type": "boolean" },
            "tags": { "type": "object", "additionalProperties": { "type": "string" } },
            "ends": { "type": "object", "properties": { "at": { "type": "string" } }, "additionalProperties": false }
          }
        }
        """;

    [Theory]
    [InlineData("""{"id":"1","lines":[]}""")]
    [InlineData("""{"id":"1","lines":[{"quantity":2,"price":1.5}],"note":null,"state":"open","kind":"order","at":"2026-01-02T03:04:05Z","key":"00000000-0000-0000-0000-000000000000","paid":true}""")]
    [InlineData("""{"id":"1","lines":[{"quantity":2.0}],"note":"n","not in the schema":[1]}""")]
    [InlineData("""{"id":"1","lines":[],"tags":{"a":"b"},"ends":{"at":"noon"}}""")]
    public void What_fits_has_no_problem(string json) => Assert.Null(JsonSchema.Parse(Order).Problem(JsonElement.Parse(json)));

    [Theory]
    [InlineData("[]", "$ is [], not object")]
    [InlineData("""{"lines":[]}""", "$.id is missing")]
    [InlineData("""{"id":1,"lines":[]}""", "$.id is 1, not string")]
    [InlineData("""{"id":null,"lines":[]}""", "$.id is null, not string")]
    [InlineData("""{"id":"1","lines":[],"note":1}""", "$.note is 1, not string or null")]
    [InlineData("""{"id":"1","lines":{}}""", "$.lines is {}, not array")]
    [InlineData("""{"id":"1","lines":[{"quantity":1},{}]}""", "$.lines[1].quantity is missing")]
    [InlineData("""{"id":"1","lines":[{"quantity":"1"}]}""", "$.lines[0].quantity is \"1\", not integer")]
    [InlineData("""{"id":"1","lines":[{"quantity":1.5}]}""", "$.lines[0].quantity is 1.5, not integer")]
    [InlineData("""{"id":"1","lines":[{"quantity":0}]}""", "$.lines[0].quantity is 0, less than 1")]
    [InlineData("""{"id":"1","lines":[{"quantity":10}]}""", "$.lines[0].quantity is 10, more than 9")]
    [InlineData("""{"id":"1","lines":[],"state":"lost"}""", "$.state is \"lost\", not one of [\"open\", \"closed\"]")]
    [InlineData("""{"id":"1","lines":[],"kind":"cart"}""", "$.kind is \"cart\", not \"order\"")]
    [InlineData("""{"id":"1","lines":[],"at":"today"}""", "$.at is \"today\", not a date-time")]
    [InlineData("""{"id":"1","lines":[],"key":"0"}""", "$.key is \"0\", not a uuid")]
    [InlineData("""{"id":"1","lines":[],"key":"10000000-0000-0000-0000-000000000000"}""", "$.key is \"10000000-0000-0000-0000-000000000000\", not like ^0")]
    [InlineData("""{"id":"1","lines":[],"paid":"yes"}""", "$.paid is \"yes\", not boolean")]
    [InlineData("""{"id":"1","lines":[],"tags":{"a":1}}""", "$.tags.a is 1, not string")]
    [InlineData("""{"id":"1","lines":[],"ends":{"at":"noon","on":"friday"}}""", "$.ends.on is unknown")]
    public void What_does_not_fit_is_named_with_its_path(string json, string problem) => Assert.Equal(problem, JsonSchema.Parse(Order).Problem(JsonElement.Parse(json)));

    [Theory]
    [InlineData("""{"properties":{"a":{"items":{"multipleOf":2}}}}""", "$.a[] has the keyword 'multipleOf'")]
    [InlineData("""{"additionalProperties":{"multipleOf":2}}""", "$.* has the keyword 'multipleOf'")]
    [InlineData("""{"additionalProperties":true}""", "$ has the keyword 'additionalProperties'")]
    [InlineData("""{"format":"email"}""", "$ has the format 'email'")]
    public void A_keyword_that_is_not_checked_is_an_error(string schema, string problem) =>
        Assert.Contains(problem, Assert.Throws<FormatException>(() => JsonSchema.Parse(schema)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("stock.reserved", """{"orderId":"o"}""", null)]
    [InlineData("stock.reserved", """{"orderId":1}""", "The event stock.reserved breaks its schema stock.reserved.v1.json: $.orderId is 1, not string.")]
    [InlineData("stock.lost", "{}", "The event stock.lost has no schema: there is no stock.lost.v1.json in services/Shared/Contracts/schemas.")]
    [InlineData("stock.lost.v2", "{}", "The event stock.lost.v2 has no schema: there is no stock.lost.v2.json in services/Shared/Contracts/schemas.")]
    [InlineData(null, "{}", "An event was published without a type.")]
    public void An_event_is_judged_by_the_schema_of_its_type(string? type, string data, string? problem) => Assert.Equal(problem, EventSchemas.Problem(type, JsonElement.Parse(data)));
}
