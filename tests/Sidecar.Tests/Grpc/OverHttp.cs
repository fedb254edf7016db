using System.Text;

namespace Lavka.Sidecar.Tests.Grpc;

/// <summary>What gRPC's tests do over HTTP.</summary>
internal static class OverHttp
{
    /// <param name="sidecar">The sidecar's HTTP API.</param>
    /// <param name="to">What comes after <c>publish/</c>: <c>pubsub/topic</c>.</param>
    /// <param name="json">The event, or the events.</param>
    public static async Task Publish(Uri sidecar, string to, string json)
    {
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = sidecar };
        using var response = await http.PostAsync($"/v1.0/publish/{to}", new StringContent(json, Encoding.UTF8, "application/json"));
        response.EnsureSuccessStatusCode();
    }
}
