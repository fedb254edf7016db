namespace Lavka.Contracts.Tests;

public sealed class SchemaCompatibilityTests
{
    /// <summary>A smaller promise, a greater one, and what a change from the greater to the smaller breaks. The other way round nothing breaks.</summary>
    public static TheoryData<string, string, string> Promises => new()
    {
        { """{"properties":{}}""", """{"properties":{"a":{"type":"string"}}}""", "'a' is gone" },
        { """{"type":"object"}""", """{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}""", "'a' is gone" },
        { """{"properties":{"a":{}}}""", """{"properties":{"a":{}},"required":["a"]}""", "'a' was always there and may be missing" },
        { """{"properties":{"a":{"type":["string","null"]}}}""", """{"properties":{"a":{"type":"string"}}}""", "'a' was string and may be string or null" },
        { """{"properties":{"a":{"type":"number"}}}""", """{"properties":{"a":{"type":"integer"}}}""", "'a' was integer and may be number" },
        { """{"properties":{"a":{}}}""", """{"properties":{"a":{"type":"integer"}}}""", "'a' was integer and may be anything" },
        { """{"properties":{"a":{"enum":["x","y"]}}}""", """{"properties":{"a":{"enum":["x"]}}}""", "'a' may be \"y\", which a consumer does not know" },
        { """{"properties":{"a":{}}}""", """{"properties":{"a":{"enum":["x"]}}}""", "'a' was one of \"x\" and may be anything" },
        { """{"properties":{"a":{"enum":["x","y"]}}}""", """{"properties":{"a":{"const":"x"}}}""", "'a' may be \"y\", which a consumer does not know" },
        { """{"properties":{"a":{"type":"string"}}}""", """{"properties":{"a":{"type":"string","format":"uuid"}}}""", "format of 'a' was \"uuid\" and is not said" },
        { """{"properties":{"a":{"minimum":0}}}""", """{"properties":{"a":{"minimum":1}}}""", "minimum of 'a' was 1 and is 0" },
        { """{"properties":{"a":{"maximum":9}}}""", """{"properties":{"a":{"maximum":5}}}""", "maximum of 'a' was 5 and is 9" },
        { """{"properties":{"a":{}}}""", """{"properties":{"a":{"minimum":1}}}""", "minimum of 'a' was 1 and is not said" },
        { """{"properties":{"a":{"type":"array"}}}""", """{"properties":{"a":{"type":"array","items":{"type":"string"}}}}""", "'a[]' may be anything" },
        { """{"properties":{"a":{"items":{"type":["integer","null"]}}}}""", """{"properties":{"a":{"items":{"type":"integer"}}}}""", "'a[]' was integer and may be integer or null" },
        { """{"properties":{"a":{"properties":{"b":{"type":"number"}}}}}""", """{"properties":{"a":{"properties":{"b":{"type":"integer"}}}}}""", "'a.b' was integer and may be number" },
        { """{"properties":{"a":{"items":{"properties":{}}}}}""", """{"properties":{"a":{"items":{"properties":{"b":{}}}}}}""", "'a[].b' is gone" },
    };

    /// <summary>What breaks in both directions.</summary>
    public static TheoryData<string, string, string> Replacements => new()
    {
        { """{"properties":{"a":{"type":"string"}}}""", """{"properties":{"a":{"type":"integer"}}}""", "'a' was string and may be integer" },
        { """{"properties":{"a":{}}}""", """{"properties":{"b":{}}}""", "'a' is gone" },
        { """{"properties":{"a":{"items":{"type":"string"}}}}""", """{"properties":{"a":{"items":{"type":"object"}}}}""", "'a[]' was string and may be object" },
        { """{"properties":{"a":{"format":"date"}}}""", """{"properties":{"a":{"format":"uuid"}}}""", "format of 'a' was \"date\" and is \"uuid\"" },
        { """{"$id":"urn:a"}""", """{"$id":"urn:b"}""", "$id of the event was \"urn:a\" and is \"urn:b\"" },
        { """{"title":"A"}""", """{"title":"B"}""", "title of the event was \"A\" and is \"B\"" },
    };

    [Theory]
    [MemberData(nameof(Promises))]
    public void To_promise_less_breaks_consumers(string less, string more, string breaks) => Assert.Equal([breaks], SchemaCompatibility.Breaks(published: more, changed: less));

    [Theory]
    [MemberData(nameof(Promises))]
    public void To_promise_more_breaks_nobody(string less, string more, string _) => Assert.Empty(SchemaCompatibility.Breaks(published: less, changed: more));

    [Theory]
    [MemberData(nameof(Replacements))]
    public void To_promise_something_else_breaks_consumers(string one, string other, string breaks)
    {
        Assert.Equal([breaks], SchemaCompatibility.Breaks(published: one, changed: other));
        Assert.NotEmpty(SchemaCompatibility.Breaks(published: other, changed: one));
    }

    [Fact]
    public void Every_break_is_told() => Assert.Equal(["'a' is gone", "'b' was string and may be integer"], SchemaCompatibility.Breaks(
        """{"properties":{"a":{},"b":{"type":"string"},"c":{}}}""", """{"properties":{"b":{"type":"integer"},"c":{}}}"""));

    [Fact]
    public void Other_words_break_nobody() => Assert.Empty(SchemaCompatibility.Breaks("""{"description":"A"}""", """{"description":"B"}"""));
}
