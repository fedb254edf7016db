using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace Lavka.Shop.Tests;

/// <summary>An order of the test's own in the middle of a demo: one piece of one of its products, for one of its users.</summary>
internal static class DemoOrder
{
    public static async Task<HttpResponseMessage> Place(HttpClient gateway) => await gateway.PostAsJsonAsync("/v1/orders", await Make(gateway));

    public static async Task<object> Make(HttpClient gateway)
    {
        var user = (await gateway.GetFromJsonAsync<JsonElement>("/v1/users"))[0].GetProperty("id").GetString();
        var product = (await gateway.GetFromJsonAsync<JsonElement>("/v2/products?q=demo%20product&limit=1")).GetProperty("items")[0].GetProperty("id").GetString();
        return new { user_id = user, items = new[] { new { product_id = product, quantity = 1 } } };
    }

    /// <summary>The status now of the order that was placed with this answer; null: Orders is away, as it may be in the moments after one of its instances was killed.</summary>
    public static async Task<string?> StatusOf(HttpClient gateway, HttpResponseMessage placed)
    {
        // As text it can be read again.
        var id = JsonDocument.Parse(await placed.Content.ReadAsStringAsync()).RootElement.GetProperty("id").GetString();
        using var answer = await gateway.GetAsync(new Uri($"/v1/orders/{id}", UriKind.Relative));
        return answer.StatusCode == HttpStatusCode.ServiceUnavailable ? null : (await answer.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>()).GetProperty("status").GetString();
    }
}
