using System.Text.Json;
using Lavka.Testing;

namespace Lavka.Contracts.Tests;

/// <summary>The schemas in the repository are those of the records.</summary>
public sealed class SchemaTests
{
    public static TheoryData<string> Types => [.. EventRecord.All.Select(one => one.Type)];

    [Theory]
    [MemberData(nameof(Types))]
    public void The_schema_of_an_event_is_what_the_code_says(string type)
    {
        var one = EventRecord.All.First(one => one.Type == type);

        var problem = SchemaFile.Check(Path.Combine(Repository.Root, EventSchemas.Folder, one.FileName), one.Schema(), SchemaFile.IsToBeWritten);

        Assert.True(problem is null, problem);
    }

    [Fact]
    public void Every_schema_has_its_event()
    {
        var expected = EventRecord.All.Select(one => one.FileName).Order(StringComparer.Ordinal);

        var there = EventSchemas.Files.Select(Path.GetFileName);

        // While they are being written, some may not be there yet.
        Assert.Equal(SchemaFile.IsToBeWritten ? expected.Intersect(there) : expected, there);
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void A_type_is_a_word_a_dot_and_a_word(string type) => Assert.Matches(@"^[a-z]+\.[a-z]+(\.v([2-9]|[1-9]\d+))?$", type);

    [Fact]
    public void No_two_events_have_the_same_type() => Assert.Equal(EventRecord.All.Count, EventRecord.All.Select(one => one.Type).Distinct().Count());

    [Fact]
    public void The_partition_key_is_not_part_of_the_data()
    {
        var data = JsonSerializer.SerializeToElement(new StockReserved("o1"), EventJson.Options);

        Assert.Equal("o1", data.GetProperty("orderId").GetString());
        Assert.False(data.TryGetProperty("partitionKey", out _));
    }

    [Fact]
    public void A_schema_says_what_is_always_there_what_may_be_null_and_what_it_means()
    {
        var schema = JsonElement.Parse(EventRecord.All.First(one => one.Record == typeof(OrderCreated)).Schema());

        Assert.Equal(["orderId", "userId", "lines", "total"], schema.GetProperty("required").EnumerateArray().Select(name => name.GetString()!));
        Assert.Equal("urn:lavka:schema:order.created:v1", schema.GetProperty("$id").GetString());
        Assert.Equal("A customer ordered; the order is pending.", schema.GetProperty("description").GetString());
        var address = schema.GetProperty("properties").GetProperty("address");
        Assert.Equal("""["object","null"]""", JsonSerializer.Serialize(address.GetProperty("type")));
        Assert.Equal("Where to; null: the customer fetches it.", address.GetProperty("description").GetString());
        Assert.Equal("integer", schema.GetProperty("properties").GetProperty("lines").GetProperty("items").GetProperty("properties").GetProperty("quantity").GetProperty("type").GetString());
    }
}
