using System.Net;
using System.Text.Json.Nodes;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Lavka.Testing;

namespace Lavka.Shop.Tests;

/// <summary>A service is well by itself; it is ready with its sidecar.</summary>
[Collection(V2Collection.Name)]
public sealed class ReadinessTests(InProcessShop shop)
{
    [Fact]
    public async Task A_service_without_its_sidecar_is_well_and_not_ready()
    {
        var (port, sidecar) = (Ports.Free(), Ports.Free());
        var settings = new Dictionary<string, string>
        {
            ["APP_PORT"] = $"{port}",
            ["APP_API_TOKEN"] = "the sidecar's",
            ["DAPR_HTTP_PORT"] = $"{sidecar}",
            ["DAPR_GRPC_PORT"] = $"{Ports.Free()}",
        };
        await using var service = await HostedService.Start(typeof(Shipping.Shipment), settings);
        using var http = new HttpClient { BaseAddress = new($"http://127.0.0.1:{port}") };

        Assert.Equal("healthy", (string?)(await Eventually.Get(() => Health(http), "the health of Shipping"))["status"]);
        using var ready = await http.GetAsync("/health/ready");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, ready.StatusCode);
    }

    [Fact]
    public async Task A_service_with_its_sidecar_is_ready()
    {
        foreach (var appId in InProcessShop.AppIds)
        {
            using var http = shop.ClientOf(appId);
            using var ready = await http.GetAsync("/health/ready");
            Assert.Equal(HttpStatusCode.OK, ready.StatusCode);
        }

        using var channel = GrpcChannel.ForAddress(shop.AddressOf("catalog"));
        foreach (var service in new[] { "", "ready" })
        {
            var health = await new Grpc.Health.V1.Health.HealthClient(channel).CheckAsync(new() { Service = service });
            Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, health.Status);
        }
    }

    private static async Task<JsonNode?> Health(HttpClient http)
    {
        try
        {
            return JsonNode.Parse(await http.GetStringAsync("/health"));
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }
}
