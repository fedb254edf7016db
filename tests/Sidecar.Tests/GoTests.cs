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
    public void A_path_is_passed_on_as_Go_writes_it(string path, string expected) => Assert.Equal(expected, MethodName.ToPath(MethodName.Clean(Uri.UnescapeDataString(path))));

    [Theory]
    [InlineData("/a%3Fb")]
    [InlineData("/a%23b")]
    [InlineData("/a%00b")]
    public void A_path_that_Go_refuses_is_refused(string path) => Assert.Throws<InvocationException>(() => MethodName.Clean(Uri.UnescapeDataString(path)));

    [Fact]
    public void A_path_with_a_stray_percent_is_no_path() => Assert.Throws<FormatException>(() => MethodName.ToPath(MethodName.Clean(Uri.UnescapeDataString("/100%25"))));

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
