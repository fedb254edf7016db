using System.Text.Json;
using Lavka.Sidecar.Cel;

namespace Lavka.Sidecar.Tests;

public sealed class CelTests
{
    private static readonly JsonElement Event = JsonDocument.Parse("""{"type":"order.paid","data":{"size":12,"vip":true,"tags":["a","b"],"name":"Пётр"}}""").RootElement;

    [Theory]
    [InlineData("event.type == \"order.paid\"", true)]
    [InlineData("event.type != 'order.paid'", false)]
    [InlineData("event.data.size > 10 && event.data.size <= 12", true)]
    [InlineData("event.data.size > 10.5 || event.data.nothing", true)]
    [InlineData("event.data.nothing || event.data.vip", true)]
    [InlineData("!event.data.vip", false)]
    [InlineData("has(event.data.vip) && event.data.vip", true)]
    [InlineData("has(event.data.nothing)", false)]
    [InlineData("event.type in ['order.paid', 'order.created']", true)]
    [InlineData("'b' in event.data.tags", true)]
    [InlineData("'size' in event.data", true)]
    [InlineData("event.type.startsWith('order.') && event.type.endsWith('paid') && event.type.contains('.')", true)]
    [InlineData("event.type.matches('^order\\\\.(paid|shipped)$')", true)]
    [InlineData("size(event.data.name) == 4 && event.data.tags.size() == 2", true)]
    [InlineData("event.data['size'] + 1.0 == 13.0", true)]
    [InlineData("event.data.tags[1] == 'b'", true)]
    [InlineData("(event.data.size == 12 ? 'yes' : 'no') == 'yes'", true)]
    [InlineData("int('7') * 2 == 14 && 7 % 4 == 3", true)]
    public void It_evaluates(string expression, bool expected) =>
        Assert.Equal(expected, CelExpression.Parse(expression).IsTrue(name => name == "event" ? Event : throw new CelException(name)));

    [Theory]
    [InlineData("event.data.nothing == 1")]
    [InlineData("event.data.size")]
    [InlineData("event.type > 5")]
    [InlineData("unknown == 1")]
    public void It_refuses_what_has_no_answer(string expression) =>
        Assert.Throws<CelException>(() => CelExpression.Parse(expression).IsTrue(name => name == "event" ? Event : throw new CelException(name)));

    [Theory]
    [InlineData("event.type ==")]
    [InlineData("event.type == \"x")]
    [InlineData("event.type & 1")]
    [InlineData("has(event)")]
    [InlineData("(1 == 1")]
    public void It_refuses_what_does_not_parse(string expression) => Assert.Throws<CelException>(() => CelExpression.Parse(expression));
}
