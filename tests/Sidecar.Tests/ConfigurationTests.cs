using System.Net;
using System.Text.Json;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests;

public sealed class ConfigurationTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task It_answers_the_items_asked_for_or_all()
    {
        await using var test = await Start("a: one||v1\nb: two\n");

        Assert.Equal("""{"a":{"value":"one","version":"v1"}}""", (await test.Get("/v1.0/configuration/config?key=a&key=missing")).Body);
        Assert.Equal("""{"a":{"value":"one","version":"v1"},"b":{"value":"two"}}""", (await test.Get("/v1.0/configuration/config")).Body);
        Assert.Equal(HttpStatusCode.NoContent, (await test.Get("/v1.0/configuration/config?key=missing")).Status);
        Assert.Contains("ERR_CONFIGURATION_STORE_NOT_FOUND", (await test.Get("/v1.0/configuration/other?key=a")).Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_subscriber_is_told_of_changes_until_it_unsubscribes()
    {
        await using var test = await Start("a: one\nb: two\n");
        var id = JsonDocument.Parse((await test.Get("/v1.0/configuration/config/subscribe?key=a")).Body).RootElement.GetProperty("id").GetString();

        _folder.Write("config.yaml", "a: three\nb: four\n");

        var told = (await test.Received("/configuration/config/a"))[0];
        Assert.Equal("""{"id":"$","items":{"a":{"value":"three"}}}""".Replace("$", id, StringComparison.Ordinal), told.Text);
        Assert.Equal("""{"ok":true}""", (await test.Get($"/v1.0/configuration/config/{id}/unsubscribe")).Body);
        Assert.Equal(HttpStatusCode.InternalServerError, (await test.Get($"/v1.0/configuration/config/{id}/unsubscribe")).Status);
        Assert.DoesNotContain(test.App.Log, request => request.Path == "/configuration/config/b");
    }

    [Fact]
    public async Task A_file_that_does_not_parse_is_an_error_with_its_line()
    {
        await using var test = await Start("a: one\n");

        _folder.Write("config.yaml", "a: [\n");

        var (status, body) = await test.Get("/v1.0/configuration/config?key=a");
        Assert.Equal(HttpStatusCode.InternalServerError, status);
        Assert.Contains("ERR_CONFIGURATION_GET", body, StringComparison.Ordinal);
        Assert.Contains("line", body, StringComparison.Ordinal);
    }

    private Task<TestApp> Start(string items) => TestApp.Start(options: new()
    {
        Resources = [TestApp.Component("config", "configuration.embedded", ("path", _folder.Write("config.yaml", items)))],
    });
}
