using Dapr.Client;
using Lavka.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Lavka.Sdk.Tests;

/// <summary>An ASP.NET Core app built on the SDK, beside an embedded sidecar with everything in memory.</summary>
internal sealed class AppWithSidecar : IAsyncDisposable
{
    private readonly TempFolder _folder = new();
    private readonly WebApplication _app;

    private AppWithSidecar(WebApplication app) => _app = app;

    public Sidecar.Sidecar Sidecar { get; private set; } = null!;

    public DaprClient Dapr => _app.Services.GetRequiredService<DaprClient>();

    public IServiceProvider Services => _app.Services;

    public static async Task<AppWithSidecar> Start(Action<IServiceCollection> services, Action<WebApplication> map)
    {
        var (appPort, daprPort) = (Ports.Free(), Ports.Free());
        var builder = WebApplication.CreateBuilder([$"--DAPR_HTTP_PORT={daprPort}", $"--urls=http://127.0.0.1:{appPort}"]);
        builder.Logging.ClearProviders();
        builder.Services.AddDaprClient();
        services(builder.Services);
        var app = new AppWithSidecar(builder.Build());
        map(app._app);
        await app._app.StartAsync();
        app._folder.Write("components.yaml", """
            apiVersion: dapr.io/v1alpha1
            kind: Component
            metadata: {name: statestore}
            spec: {type: state.in-memory, version: v1, metadata: [{name: actorStateStore, value: "true"}]}
            ---
            apiVersion: dapr.io/v1alpha1
            kind: Component
            metadata: {name: pubsub}
            spec: {type: pubsub.in-memory, version: v1, metadata: []}
            """);
        app.Sidecar = await Lavka.Sidecar.Sidecar.StartAsync(new() { AppId = "app", AppPort = appPort, HttpPort = daprPort, ResourcesPaths = [app._folder.Path] });
        await app.Sidecar.Ready;
        return app;
    }

    public async ValueTask DisposeAsync()
    {
        await Sidecar.DisposeAsync();
        await _app.DisposeAsync();
        _folder.Dispose();
    }
}
