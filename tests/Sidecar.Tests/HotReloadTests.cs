using System.Net;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests;

public sealed class HotReloadTests : IAsyncLifetime
{
    private const string Subscription = "apiVersion: dapr.io/v2alpha1\nkind: Subscription\nmetadata:\n  name: s\nspec:\n  pubsubname: pubsub\n  topic: t\n  routes:\n    default: /PATH\n";
    private readonly SidecarFolder _folder = new SidecarFolder().Component("pubsub", "pubsub.in-memory").Component("state", "state.in-memory");
    private ScriptedApp _app = null!;
    private Sidecar _sidecar = null!;
    private HttpClient _http = null!;

    public async Task InitializeAsync()
    {
        _app = await ScriptedApp.Start(request => request.Path == "/dapr/subscribe" ? new(404) : new(200));
        _sidecar = await Sidecar.StartAsync(_folder.Options("app", _app.Port));
        await _sidecar.Ready;
        _http = new(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = _sidecar.HttpEndpoint };
    }

    public async Task DisposeAsync()
    {
        _http.Dispose();
        await _sidecar.DisposeAsync();
        await _app.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_component_comes_and_goes_with_its_file()
    {
        _folder.Component("more", "state.in-memory");
        await Eventually.Get(async () => await Status("/v1.0/state/more/k") == HttpStatusCode.NoContent ? "" : null, "the new store");

        File.Delete(Path.Combine(_folder.Resources, "more.yaml"));
        await Eventually.Get(async () => await Status("/v1.0/state/more/k") == HttpStatusCode.BadRequest ? "" : null, "the store to be gone");
        Assert.Equal(HttpStatusCode.NoContent, await Status("/v1.0/state/state/k"));
    }

    [Fact]
    public async Task A_component_that_is_as_it_was_keeps_what_it_has()
    {
        await _http.PostAsync("/v1.0/state/state", new StringContent("""[{"key":"k","value":1}]"""));

        _folder.Component("more", "state.in-memory");
        await Eventually.Get(async () => await Status("/v1.0/state/more/k") == HttpStatusCode.NoContent ? "" : null, "the new store");

        Assert.Equal("1", await _http.GetStringAsync("/v1.0/state/state/k"));
    }

    [Fact]
    public async Task A_subscription_comes_and_changes_with_its_file()
    {
        foreach (var path in new[] { "first", "second" })
        {
            _folder.With("sub.yaml", Subscription.Replace("PATH", path, StringComparison.Ordinal));
            await Eventually.Get(async () =>
            {
                await _http.PostAsync("/v1.0/publish/pubsub/t", new StringContent("1"));
                return _app.Log.Any(request => request.Path == "/" + path) ? "" : null;
            }, $"an event at {path}");
        }
    }

    [Fact]
    public async Task A_component_that_cannot_start_ends_the_sidecar()
    {
        _folder.Component("bad", "state.nonsense");

        await _sidecar.ShutdownRequested.WaitAsync(TimeSpan.FromSeconds(30));

        Assert.True(_sidecar.HasFailed);
    }

    private async Task<HttpStatusCode> Status(string path)
    {
        using var response = await _http.GetAsync(new Uri(path, UriKind.Relative));
        return response.StatusCode;
    }
}
