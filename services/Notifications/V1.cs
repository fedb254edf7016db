using System.Text.Json.Serialization;
using Lavka.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lavka.Notifications;

/// <summary>The plain API: <c>/v1/users/{id}/messages</c>.</summary>
public static class V1
{
    public sealed record MessageView(string Template, string Reference, string Channel, string Text, [property: JsonPropertyName("sent_at")] DateTimeOffset? SentAt);

    public static void MapV1(this WebApplication app) =>
        app.MapGet("/v1/users/{userId}/messages", async Task<Ok<IEnumerable<MessageView>>> (string userId, string? page, HttpContext http, AggregateStore store, CancellationToken stop) =>
        {
            var (keys, earlier) = await IdList.Page(store, Message.IndexOf(userId), page, stop);
            http.LinkToNextPage(earlier);
            var messages = (await store.FindAll<Message>(keys, stop)).Where(message => message.Status == MessageStatus.Sent);
            return TypedResults.Ok(messages.Select(message => new MessageView(message.Template, message.Reference, message.Channel, message.Text, message.SentAt)));
        }).WithTags("Messages").WithSummary("What a user was told, and when; newest page first, the Link header leads to the next page.");
}
