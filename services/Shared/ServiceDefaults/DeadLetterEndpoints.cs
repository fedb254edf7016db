using System.Net.Http.Headers;
using System.Net.Http.Json;
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
        letters.MapPost("/{id}/resend", async Task<Ok<DeadLetter>> (string id, AggregateStore store, Outbox outbox, Peers peers, CancellationToken stop) =>
            TypedResults.Ok(await Resend(await Find(id, store, stop), service, store, outbox, peers, stop)));
    }

    private static Task Keep(DeadLetterMessage message, AggregateStore store, TimeProvider time, CancellationToken stop) =>
        DeadLetter.Keep(store, message, time, Cause.Current?.Id, stop);

    private static async Task<DeadLetter> Find(string id, AggregateStore store, CancellationToken stop) =>
        await store.Find<DeadLetter>(DeadLetter.KeyOf(id), stop) ?? throw RequestException.NotFound($"There is no dead letter '{id}'.");

    /// <summary>Delivers the event once more to the endpoint that refused it, and to no other: through the sidecar, as a delivery comes. What the broker refused, is published once more.</summary>
    private static async Task<DeadLetter> Resend(DeadLetter letter, ServiceName service, AggregateStore store, Outbox outbox, Peers peers, CancellationToken stop)
    {
        if (letter.IsResent)
        {
            return letter;
        }

        if (letter.Path == DeadLetter.Outbox)
        {
            if (!await outbox.TryTell(new(letter.EventId, letter.Type, letter.PartitionKey!, letter.Data), stop))
            {
                throw Refused(letter);
            }
        }
        else
        {
            await Deliver(letter, service, peers, stop);
        }

        return (await store.Accept<DeadLetter>(DeadLetter.KeyOf(letter.Id), known => (known! with { IsResent = true }).Quietly() with { KeptFor = DeadLetter.KeptWhenResent }, stop))!;
    }

    private static RequestException Refused(DeadLetter letter) => RequestException.Conflict($"The event '{letter.EventId}' was refused again; the dead letter says why.");

    private static async Task Deliver(DeadLetter letter, ServiceName service, Peers peers, CancellationToken stop)
    {
        using var content = JsonContent.Create(
            new { specversion = "1.0", id = letter.EventId, type = letter.Type, source = service.Name, datacontenttype = "application/json", data = letter.Data },
            new MediaTypeHeaderValue("application/cloudevents+json"));
        using var response = await peers.Send(service.Name, HttpMethod.Post, letter.Path, stop, content);
        var answer = response.Content.Headers.ContentLength is > 0 || response.Content.Headers.ContentType?.MediaType == "application/json"
            ? await response.Content.ReadFromJsonAsync<DeliveryAnswer>(stop)
            : null;
        if (!response.IsSuccessStatusCode || answer?.Status == "DROP")
        {
            throw Refused(letter);
        }
    }
}
