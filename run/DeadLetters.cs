using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using Spectre.Console;

namespace Lavka.Run;

/// <summary>The dead letters of a running shop, on the command line: what <c>/v2/admin/dead-letters</c> offers.</summary>
internal sealed class DeadLetters(Uri gateway, string email, string password)
{
    private const string Path = "/v2/admin/dead-letters";
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = gateway };

    /// <summary>Lists them; answers 0.</summary>
    public async Task<int> List(string? service, CancellationToken stop)
    {
        var answer = await Ask(HttpMethod.Get, Path + Query(service), stop);
        var table = new Table().Border(TableBorder.Rounded).AddColumns("service", "id", "event", "refused", "reason");
        foreach (var item in answer["items"]!.AsArray())
        {
            var letter = item!["deadLetter"]!;
            table.AddRow([.. new[] { (string)item["service"]!, (string)letter["id"]!, (string)letter["type"]!, letter["refusals"]!.ToString(), (string)letter["reason"]! }.Select(text => new Markup(Markup.Escape(text)))]);
        }

        AnsiConsole.Write(table);
        foreach (var away in answer["unavailable"]!.AsArray())
        {
            Console.WriteLine($"{away} is away; its dead letters are not shown.");
        }

        return 0;
    }

    /// <summary>Shows one, whole.</summary>
    public async Task<int> Show(string service, string id, CancellationToken stop)
    {
        Console.WriteLine((await Ask(HttpMethod.Get, $"{Path}/{Uri.EscapeDataString(service)}/{Uri.EscapeDataString(id)}", stop)).ToJsonString(Indented));
        return 0;
    }

    /// <summary>Sends one again, or all, or all of a service; answers 1 if any was refused again.</summary>
    public async Task<int> Resend(string? service, string? id, CancellationToken stop)
    {
        var path = id is null ? $"{Path}/resend{Query(service)}" : $"{Path}/{Uri.EscapeDataString(service!)}/{Uri.EscapeDataString(id)}/resend";
        var answer = await Ask(HttpMethod.Post, path, stop);
        Console.WriteLine($"{answer["resent"]} passed, {answer["refused"]} refused again.");
        return (int)answer["refused"]! == 0 ? 0 : 1;
    }

    private static string Query(string? service) => service is null ? "" : $"?service={Uri.EscapeDataString(service)}";

    private async Task<JsonNode> Ask(HttpMethod method, string path, CancellationToken stop)
    {
        try
        {
            using var session = await _http.PostAsJsonAsync("/v2/sessions", new { email, password }, stop);
            var token = (string?)(await Read(session, stop))["token"];
            using var request = new HttpRequestMessage(method, path) { Headers = { Authorization = new AuthenticationHeaderValue("Bearer", token) } };
            using var response = await _http.SendAsync(request, stop);
            return await Read(response, stop);
        }
        catch (HttpRequestException e)
        {
            throw new RunException($"There is no shop at {gateway}: {e.Message}");
        }
    }

    private static async Task<JsonNode> Read(HttpResponseMessage response, CancellationToken stop)
    {
        var body = await response.Content.ReadFromJsonAsync<JsonNode>(stop);
        return response.IsSuccessStatusCode ? body! : throw new RunException((string?)body?["detail"] ?? $"The Gateway answers {(int)response.StatusCode}.");
    }
}
