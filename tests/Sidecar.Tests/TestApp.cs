using System.Net;
using System.Text;
using Lavka.Sidecar.Resources;
using Lavka.Sidecar.Testing;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests;

/// <summary>A scripted app with a sidecar, made with the library that others test with.</summary>
internal sealed class TestApp : IAsyncDisposable
{
    private TestApp(ScriptedApp app, EmbeddedSidecar dapr) => (App, Dapr) = (app, dapr);

    public ScriptedApp App { get; }

    public EmbeddedSidecar Dapr { get; }

    /// <summary>Starts both; the app subscribes as the JSON says and answers as the function says, with 200 where it has no answer.</summary>
    public static async Task<TestApp> Start(string subscriptions = "[]", Func<Received, Answer?>? answer = null, EmbeddedSidecarOptions? options = null, bool ready = true)
    {
        var app = await ScriptedApp.Start(request => request.Path == "/dapr/subscribe" ? Answer.Json(subscriptions) : answer?.Invoke(request) ?? new(200));
        try
        {
            var dapr = await EmbeddedSidecar.StartAsync((options ?? new()) with { AppPort = app.Port });
            if (ready)
            {
                await dapr.Ready;
            }

            return new(app, dapr);
        }
        catch
        {
            await app.DisposeAsync();
            throw;
        }
    }

    /// <summary>A component's YAML.</summary>
    public static string Component(string name, string type, params (string Name, string Value)[] metadata) =>
        $"apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata:\n  name: {name}\nspec:\n  type: {type}\n  version: {ComponentTypes.VersionOf(type)}\n  metadata:{(metadata.Length == 0 ? " []" : "")}" +
        string.Concat(metadata.Select(field => $"\n  - name: {field.Name}\n    value: '{field.Value.Replace("'", "''", StringComparison.Ordinal)}'")) + "\n";

    public async Task<(HttpStatusCode Status, string Body)> Call(HttpMethod method, string path, string? json = null)
    {
        using var request = new HttpRequestMessage(method, path);
        if (json is not null)
        {
            request.Content = new StringContent(json, Encoding.UTF8, "application/json");
        }

        using var response = await Dapr.Http.SendAsync(request);
        return (response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    public Task<(HttpStatusCode Status, string Body)> Get(string path) => Call(HttpMethod.Get, path);

    public Task<(HttpStatusCode Status, string Body)> Post(string path, string json) => Call(HttpMethod.Post, path, json);

    /// <summary>Waits until the app has got so many requests at the path.</summary>
    public Task<List<Received>> Received(string path, int count = 1) => Eventually.Get(() =>
    {
        var found = App.Log.Where(request => request.Path == path).ToList();
        return Task.FromResult(found.Count >= count ? found : null);
    }, $"{count} requests at {path}");

    public async ValueTask DisposeAsync()
    {
        await Dapr.DisposeAsync();
        await App.DisposeAsync();
    }
}
