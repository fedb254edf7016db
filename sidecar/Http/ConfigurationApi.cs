using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Lavka.Sidecar.Configuration;
using Lavka.Sidecar.Resiliency;

namespace Lavka.Sidecar.Http;

/// <summary><c>/v1.0/configuration</c> (Dapr: reference/api/configuration_api). Changes are told to the app, as long as the store is there.</summary>
internal sealed partial class ConfigurationApi(ConfigurationManagement configuration, ResiliencyPolicies policies, AppChannel? app, ILogger<ConfigurationApi> log)
{
    /// <summary>False when this is no configuration request.</summary>
    public async ValueTask<bool> TryHandle(ApiRequest request)
    {
        if (request.Method != "GET")
        {
            return false;
        }

        switch (request.Segments)
        {
            case [_, _, _]:
                await Get(request);
                return true;
            case [_, _, _, "subscribe"]:
                await Subscribe(request);
                return true;
            case [_, _, _, _, "unsubscribe"]:
                await Unsubscribe(request, request.Segment(3));
                return true;
            default:
                return false;
        }
    }

    private static string[] Keys(ApiRequest request) => [.. request.Http.Request.Query["key"].Select(key => key ?? "")];

    private async ValueTask Get(ApiRequest request)
    {
        var items = await configuration.Get(request.Segment(2), Keys(request), request.Stop);
        if (items.Count == 0)
        {
            request.Nothing();
        }
        else
        {
            await request.Answer(ToJson(items.ToDictionary(pair => pair.Key, ConfigurationItem? (pair) => pair.Value)));
        }
    }

    private async ValueTask Subscribe(ApiRequest request)
    {
        var store = request.Segment(2);
        configuration.Find(store);
        if (app is null)
        {
            throw new ApiException(500, "ERR_APP_CHANNEL_NIL", "app channel is not initialized. cannot subscribe to configuration updates");
        }

        var subscription = await configuration.Subscribe(store, Keys(request), (id, items, stop) => Tell(store, id, items, stop), request.Stop);
        await request.Answer(new JsonObject { ["id"] = subscription.Id });
    }

    private async ValueTask Unsubscribe(ApiRequest request, string id)
    {
        var store = request.Segment(2);
        configuration.Find(store);
        if (await configuration.Unsubscribe(id, store))
        {
            await request.Answer(new JsonObject { ["ok"] = true });
        }
        else
        {
            await request.Answer(new JsonObject { ["message"] = $"failed to unsubscribe to configuration request {id}: subscription with id {id} does not exist" }, 500);
        }
    }

    private async Task Tell(string store, string id, IReadOnlyDictionary<string, ConfigurationItem?> items, CancellationToken stop)
    {
        var body = Encoding.UTF8.GetBytes(new JsonObject { ["id"] = id, ["items"] = ToJson(items) }.ToJsonString());
        foreach (var key in items.Keys)
        {
            try
            {
                await policies.Inbound(store, "Configuration").Run(async token =>
                {
                    using var request = new HttpRequestMessage(HttpMethod.Post, app!.At($"/configuration/{Uri.EscapeDataString(store)}/{string.Join('/', key.Split('/').Select(Uri.EscapeDataString))}"))
                    {
                        Content = new ByteArrayContent(body),
                    };
                    request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
                    using var response = await app!.Send(request, token);
                    return (int)response.StatusCode == 200 ? new Attempt<bool>(true)
                        : throw new HttpRequestException($"error sending configuration item to application, status {(int)response.StatusCode}");
                }, stop);
            }
            catch (Exception e) when (e is HttpRequestException or TimeoutException or CircuitBreakerException)
            {
                LogNotTold(key, store, e.Message);
            }
        }
    }

    private static JsonObject ToJson(IReadOnlyDictionary<string, ConfigurationItem?> items) => new(items.Select(pair =>
    {
        var json = new JsonObject();
        if (pair.Value?.Value.Length > 0)
        {
            json["value"] = pair.Value.Value;
        }

        if (pair.Value?.Version.Length > 0)
        {
            json["version"] = pair.Value.Version;
        }

        return KeyValuePair.Create(pair.Key, (JsonNode?)json);
    }));

    [LoggerMessage(Level = LogLevel.Error, Message = "The change of '{Key}' in configuration store {Store} did not reach the app: {Problem}")]
    private partial void LogNotTold(string key, string store, string problem);
}
