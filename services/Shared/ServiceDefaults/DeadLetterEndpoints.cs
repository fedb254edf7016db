using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.DependencyInjection;

namespace Lavka.ServiceDefaults;

/// <summary>Keeps a service's dead letters, shows them, and sends them again. The Gateway offers this to operators, for all services.</summary>
internal static class DeadLetterEndpoints
{
    /// <summary>Where the dead-letter topic's messages are delivered.</summary>
    public const string KeepPath = Path + "/keep";

    private const string Path = "/dead-letters";

    private sealed record DeliveryAnswer(string? Status);

    public static void MapDeadLetters(this WebApplication app)
    {
        var service = app.Services.GetRequiredService<ServiceName>();
        var letters = app.MapGroup(Path).ExcludeFromDescription();
        app.MapPost(KeepPath, Keep).ExcludeFromDescription().WithTopic(EventSource.Of(app.Configuration, Deliveries.TopicOf(service)), Deliveries.TopicOf(service));
        letters.MapGet("", async Task<Ok<Page<DeadLetter>>> (string? cursor, int? limit, AggregateStore store, CancellationToken stop) =>
            TypedResults.Ok(await Page.OfWaiting<DeadLetter>(store, DeadLetter.Index, DeadLetter.KeyOf, cursor, limit, letter => !letter.IsResent, stop)));
        letters.MapGet("/{id}", async Task<Ok<DeadLetter>> (string id, AggregateStore store, CancellationToken stop) => TypedResults.Ok(await Find(id, store, stop)));
        letters.MapPost("/{id}/resend", async Task<Ok<DeadLetter>> (string id, AggregateStore store, Peers peers, CancellationToken stop) =>
            TypedResults.Ok(await Resend(await Find(id, store, stop), service, store, peers, stop)));
    }

    private static Task Keep(DeadLetterMessage message, AggregateStore store, TimeProvider time, CancellationToken stop)
    {
        var id = NaturalId.From(message.Id, message.Path);
        return store.Change<DeadLetter, IdList>(DeadLetter.KeyOf(id), [DeadLetter.Index], (known, parts) =>
        {
            if (known is not null && known.LastMessage == Cause.Current?.Id)
            {
                return known.Unchanged();
            }

            // Who has passed is not looked for where it was.
            if (known is null or { IsResent: true })
            {
                IdList.Add(parts, DeadLetter.Index, id);
            }

            var data = JsonSerializer.SerializeToElement(message.Data);
            return new DeadLetter(id, message.Id, message.Type, message.Path, message.Reason, data, time.GetUtcNow(), (known?.Refusals ?? 0) + 1, IsResent: false, Cause.Current?.Id).Quietly();
        }, stop);
    }

    private static async Task<DeadLetter> Find(string id, AggregateStore store, CancellationToken stop) =>
        await store.Find<DeadLetter>(DeadLetter.KeyOf(id), stop) ?? throw RequestException.NotFound($"There is no dead letter '{id}'.");

    /// <summary>Delivers the event once more to the endpoint that refused it, and to no other: through the sidecar, as a delivery comes.</summary>
    private static async Task<DeadLetter> Resend(DeadLetter letter, ServiceName service, AggregateStore store, Peers peers, CancellationToken stop)
    {
        if (letter.IsResent)
        {
            return letter;
        }

        using var content = JsonContent.Create(
            new { specversion = "1.0", id = letter.EventId, type = letter.Type, source = service.Name, datacontenttype = "application/json", data = letter.Data },
            new MediaTypeHeaderValue("application/cloudevents+json"));
        using var response = await peers.Send(service.Name, HttpMethod.Post, letter.Path, stop, content);
        var answer = response.Content.Headers.ContentLength is > 0 || response.Content.Headers.ContentType?.MediaType == "application/json"
            ? await response.Content.ReadFromJsonAsync<DeliveryAnswer>(stop)
            : null;
        if (!response.IsSuccessStatusCode || answer?.Status == "DROP")
        {
            throw RequestException.Conflict($"The event '{letter.EventId}' was refused again; the dead letter says why.");
        }

        return (await store.Accept<DeadLetter>(DeadLetter.KeyOf(letter.Id), known => (known! with { IsResent = true }).Quietly() with { KeptFor = DeadLetter.KeptWhenResent }, stop))!;
    }
}
