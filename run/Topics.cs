using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using Spectre.Console;

namespace Lavka.Run;

/// <summary>The topics of a running shop: which consumer groups read them, and how far behind each is. Asks every sidecar of the run file.</summary>
internal sealed class Topics(IReadOnlyList<AppSpec> apps, string dataPath)
{
    // A broker that is away is noticed after 5 s, RabbitMQ's channel perhaps after 10.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    private sealed record GroupLag(string Topic, string ConsumerGroup, long? Waiting, long? Kept);

    /// <summary>Shows them; answers 0.</summary>
    /// <exception cref="RunException">No sidecar answers.</exception>
    public async Task<int> List(CancellationToken stop)
    {
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { Timeout = Patience };
        var answers = await Task.WhenAll(apps.Select(app => Ask(http, app, stop)));
        if (answers.All(answer => answer is null))
        {
            throw new RunException($"No sidecar answers at {string.Join(", ", apps.Select(app => string.Create(CultureInfo.InvariantCulture, $"localhost:{app.HttpPort}")))}; is the shop running, on the embedded sidecar, and is this its data folder (--data)? For daprd, ask the broker's own tools.");
        }

        var table = new Table().Border(TableBorder.Rounded).AddColumns("topic", "consumer group", "waiting", "kept");
        foreach (var lag in answers.OfType<List<GroupLag>>().SelectMany(answer => answer).OrderBy(lag => lag.Topic, StringComparer.Ordinal).ThenBy(lag => lag.ConsumerGroup, StringComparer.Ordinal))
        {
            table.AddRow(new Markup(Markup.Escape(lag.Topic)), new Markup(Markup.Escape(lag.ConsumerGroup)), new Markup(Text(lag.Waiting)), new Markup(Text(lag.Kept)));
        }

        AnsiConsole.Write(table);
        foreach (var (app, _) in apps.Zip(answers).Where(pair => pair.Second is null))
        {
            Console.WriteLine($"The sidecar of '{app.AppId}' does not answer; its consumer group is not shown.");
        }

        return 0;
    }

    private static string Text(long? number) => number?.ToString(CultureInfo.InvariantCulture) ?? "-";

    /// <summary>Null: it does not answer, or is not the embedded sidecar, or something else listens there.</summary>
    private async Task<List<GroupLag>?> Ask(HttpClient http, AppSpec app, CancellationToken stop)
    {
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"http://localhost:{app.HttpPort}/embedded/v1/topics");
            request.Headers.Add("dapr-api-token", ApiTokens.Find(app, dataPath));
            using var response = await http.SendAsync(request, stop);
            return await response.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<List<GroupLag>>(stop);
        }
        catch (Exception e) when (e is HttpRequestException or JsonException || (e is TaskCanceledException && !stop.IsCancellationRequested))
        {
            return null;
        }
    }
}
