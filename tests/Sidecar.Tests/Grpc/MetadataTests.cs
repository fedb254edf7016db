using Lavka.Sidecar.Testing;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests.Grpc;

/// <summary>What a sidecar tells about itself, as Dapr's own .NET client asks for it: by gRPC.</summary>
public sealed class MetadataTests
{
    [Fact]
    public async Task A_sidecar_tells_its_app_its_components_and_what_was_noted()
    {
        await using var sidecar = await EmbeddedSidecar.StartAsync(new() { AppId = "shop" });
        using var dapr = OverGrpc.Client(sidecar);

        await dapr.SetMetadataAsync("color", "green");
        var metadata = await dapr.GetMetadataAsync();

        Assert.Equal("shop", metadata.Id);
        Assert.Equal([("pubsub", "pubsub.in-memory"), ("statestore", "state.in-memory")], metadata.Components.Select(component => (component.Name, component.Type)).Order());
        Assert.Equal([("color", "green"), ("daprRuntimeVersion", Sidecar.RuntimeVersion)], metadata.Extended.Select(pair => (pair.Key, pair.Value)).Order());
        Assert.Contains("\"color\":\"green\"", await sidecar.Http.GetStringAsync("/v1.0/metadata"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_sidecar_that_is_asked_to_ends()
    {
        using var folder = new TempFolder();
        await using var sidecar = await Sidecar.StartAsync(new() { AppId = "app", DataPath = folder.Path });
        using var dapr = new global::Dapr.Client.DaprClientBuilder().UseHttpEndpoint(sidecar.HttpEndpoint.ToString()).UseGrpcEndpoint(sidecar.GrpcEndpoint.ToString()).Build();

        await dapr.ShutdownSidecarAsync();

        await sidecar.ShutdownRequested.WaitAsync(TimeSpan.FromSeconds(10));
    }
}
