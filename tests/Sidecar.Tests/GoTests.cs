using System.Text;
using System.Text.Json;
using Lavka.Sidecar.Http;
using Lavka.Sidecar.Invocation;
using Lavka.Sidecar.PubSub;
using Lavka.Sidecar.Resources;
using Lavka.Sidecar.State;

namespace Lavka.Sidecar.Tests;

/// <summary>Where daprd's answers show that it is written in Go.</summary>
public sealed class GoTests
{
    [Theory]
    [InlineData("""{"b":1, "a":[true,null,"<x>"]}""", """{"a":[true,null,"<x>"],"b":1}""")]
    [InlineData("9007199254740993", "9007199254740992")]
    [InlineData("12345678901234567890", "12345678901234567000")]
    [InlineData("1e21", "1e+21")]
    [InlineData("1e20", "100000000000000000000")]
    [InlineData("0.000001", "0.000001")]
    [InlineData("0.0000001", "1e-7")]
    [InlineData("1.50", "1.5")]
    [InlineData("-0.1", "-0.1")]
    [InlineData("""{"a":1,"a":2}""", """{"a":2}""")]
    public void A_value_is_kept_as_Go_writes_it(string json, string expected) =>
        Assert.Equal(expected, Encoding.UTF8.GetString(GoJson.Normalise(JsonDocument.Parse(json).RootElement)));

    [Theory]
    [InlineData("""["\ud800"]""", "\ufffd")]
    [InlineData("""["\udc00x"]""", "\ufffdx")]
    [InlineData("""["\ud83d\ude00"]""", "\U0001F600")]
    [InlineData("""["\\ud800"]""", "\\ud800")]
    [InlineData("""["\uD800\u0041"]""", "\ufffdA")]
    public void Half_a_character_is_replaced(string json, string expected) =>
        Assert.Equal(expected, ApiRequest.FirstValue(Encoding.UTF8.GetBytes(json)).RootElement[0].GetString());

    // As daprd 1.17.13 answers them.
    [Theory]
    [InlineData("", "EOF")]
    [InlineData("  ", "EOF")]
    [InlineData("{", "unexpected EOF")]
    [InlineData("""{"a":1""", "unexpected EOF")]
    [InlineData("{a:1}", "invalid character 'a' looking for beginning of object key string")]
    [InlineData("{,}", "invalid character ',' looking for beginning of object key string")]
    [InlineData("""{"a" 1}""", "invalid character '1' after object key")]
    [InlineData("""{"a":1 "b"}""", "invalid character '\"' after object key:value pair")]
    [InlineData("[1 2]", "invalid character '2' after array element")]
    [InlineData("[1,]", "invalid character ']' looking for beginning of value")]
    [InlineData("nope", "invalid character 'o' in literal null (expecting 'u')")]
    [InlineData("trux", "invalid character 'x' in literal true (expecting 'e')")]
    [InlineData("nul", "unexpected EOF")]
    [InlineData("-x", "invalid character 'x' in numeric literal")]
    [InlineData("1.x", "invalid character 'x' after decimal point in numeric literal")]
    [InlineData("1e+x", "invalid character 'x' in exponent of numeric literal")]
    [InlineData("1e", "unexpected EOF")]
    [InlineData("\"ab", "unexpected EOF")]
    [InlineData("\"a\u0001\"", "invalid character '\\x01' in string literal")]
    [InlineData("\"\t\"", "invalid character '\\t' in string literal")]
    [InlineData("\"\\x\"", "invalid character 'x' in string escape code")]
    [InlineData("\"\\u12g4\"", "invalid character 'g' in \\u hexadecimal character escape")]
    [InlineData("'x'", "invalid character '\\'' looking for beginning of value")]
    [InlineData("\a", "invalid character '\\a' looking for beginning of value")]
    public void Bad_JSON_is_told_as_Go_tells_it(string json, string problem) =>
        Assert.Equal(problem, Assert.ThrowsAny<JsonException>(() => ApiRequest.FirstValue(Encoding.UTF8.GetBytes(json))).Message);

    [Theory]
    [InlineData("save", """{"a":1}""", "json: cannot unmarshal object into Go value of type []state.SetRequest")]
    [InlineData("save", "true", "json: cannot unmarshal bool into Go value of type []state.SetRequest")]
    [InlineData("save", "[5]", "json: cannot unmarshal number into Go value of type state.SetRequest")]
    [InlineData("save", """[{"key":5}]""", "json: cannot unmarshal number into Go struct field SetRequest.key of type string")]
    [InlineData("save", """[{"metadata":5}]""", "json: cannot unmarshal number into Go struct field SetRequest.metadata of type map[string]string")]
    [InlineData("save", """[{"metadata":{"b":5}}]""", "json: cannot unmarshal number into Go struct field SetRequest.metadata of type string")]
    [InlineData("save", """[{"options":5}]""", "json: cannot unmarshal number into Go struct field SetRequest.options of type state.SetStateOption")]
    [InlineData("save", """[{"options":{"consistency":[]}}]""", "json: cannot unmarshal array into Go struct field SetStateOption.options.Consistency of type string")]
    [InlineData("save", """[{"value":1e400}]""", "json: cannot unmarshal number 1e400 into Go struct field SetRequest.value of type float64")]
    [InlineData("bulk", "[]", "failed deserializing HTTP body: json: cannot unmarshal array into Go value of type http.BulkGetRequest")]
    [InlineData("bulk", """{"keys":[5]}""", "failed deserializing HTTP body: json: cannot unmarshal number into Go struct field BulkGetRequest.keys of type string")]
    [InlineData("bulk", """{"parallelism":1.5}""", "failed deserializing HTTP body: json: cannot unmarshal number 1.5 into Go struct field BulkGetRequest.parallelism of type int")]
    [InlineData("transaction", """{"operations":["x"]}""", "failed deserializing HTTP body: json: cannot unmarshal string into Go struct field stateTransactionRequestBody.operations of type http.stateTransactionRequestBodyOperation")]
    [InlineData("transaction", """{"operations":[{"operation":5}]}""", "failed deserializing HTTP body: json: cannot unmarshal number into Go struct field stateTransactionRequestBodyOperation.operations.operation of type string")]
    [InlineData("transaction", """{"operations":[{"operation":"upsert","request":5}]}""", "failed deserializing HTTP body: '' expected a map, got 'float64'")]
    [InlineData("transaction", """{"operations":[{"operation":"upsert","request":{"key":5}}]}""", "failed deserializing HTTP body: 1 error(s) decoding:\n\n* 'Key' expected type 'string', got unconvertible type 'float64', value: '5'")]
    [InlineData("transaction", """{"operations":[{"operation":"upsert","request":{"metadata":{"x":5}}}]}""", "failed deserializing HTTP body: 1 error(s) decoding:\n\n* 'Metadata[x]' expected type 'string', got unconvertible type 'float64', value: '5'")]
    [InlineData("transaction", """{"operations":[{"operation":"upsert","request":{"options":5}}]}""", "failed deserializing HTTP body: 1 error(s) decoding:\n\n* 'Options' expected a map, got 'float64'")]
    public void A_value_of_the_wrong_kind_is_told_as_Go_tells_it(string request, string json, string problem)
    {
        var body = JsonDocument.Parse(json).RootElement;

        var error = Assert.Throws<ApiException>(() => request switch
        {
            "save" => StateBody.Items(body).Count,
            "bulk" => StateBody.Keys(body).Count,
            _ => StateBody.Operations(body).Count,
        });

        Assert.Equal(problem, error.Message);
    }

    [Fact]
    public void A_number_beyond_Gos_is_refused() => Assert.Throws<ApiException>(() => GoJson.Normalise(JsonDocument.Parse("[1e400]").RootElement));

    [Theory]
    [InlineData("""{"id":1,"name":"x","tags":["a",true]}""", "map[id:1 name:x tags:[a true]]")]
    [InlineData("1000000", "1e+06")]
    [InlineData("123456789", "1.23456789e+08")]
    [InlineData("99999", "99999")]
    [InlineData("0.00001", "1e-05")]
    [InlineData("null", "<nil>")]
    [InlineData("\"text\"", "text")]
    public void A_value_is_printed_as_Go_prints_it(string json, string expected) => Assert.Equal(expected, Outbox.GoText(JsonDocument.Parse(json).RootElement));

    [Theory]
    [InlineData("/a//b/./c/../d/", "/a/b/d")]
    [InlineData("/a%2Fb", "/a/b")]
    [InlineData("/user%40x%3A1%2C2", "/user@x:1,2")]
    [InlineData("/a b", "/a%20b")]
    [InlineData("/%d0%ba", "/%D0%BA")]
    [InlineData("/", "/")]
    public void A_path_is_passed_on_as_Go_writes_it(string path, string expected) => Assert.Equal(expected, MethodName.ToPath(MethodName.Clean(Uri.UnescapeDataString(path)), "http://x"));

    [Theory]
    [InlineData("/a%3Fb")]
    [InlineData("/a%23b")]
    [InlineData("/a%00b")]
    public void A_path_that_Go_refuses_is_refused(string path) => Assert.Throws<InvocationException>(() => MethodName.Clean(Uri.UnescapeDataString(path)));

    [Fact]
    public void A_path_with_a_stray_percent_is_no_path() => Assert.Equal("parse \"http://x/100%\": invalid URL escape \"%\"",
        Assert.Throws<FormatException>(() => MethodName.ToPath(MethodName.Clean(Uri.UnescapeDataString("/100%25")), "http://x")).Message);

    [Theory]
    [InlineData("PT5S", 5, null)]
    [InlineData("R3/PT5S", 5, 3)]
    [InlineData("5s", 5, null)]
    [InlineData("@every 5s", 5, null)]
    [InlineData("R5", 0, 5)]
    public void A_period_reads(string text, int seconds, int? repetitions)
    {
        Assert.True(Durations.TryParsePeriod(text, out var period, out var times));
        Assert.Equal((TimeSpan.FromSeconds(seconds), repetitions), (period, times));
    }

    [Theory]
    [InlineData("R3/10s")]
    [InlineData("PT1.5S")]
    [InlineData("soon")]
    [InlineData("90000000h")]
    [InlineData("P9999Y")]
    [InlineData("R/PT1S")]
    public void What_is_no_period_is_refused(string text) => Assert.False(Durations.TryParsePeriod(text, out _, out _));
}
