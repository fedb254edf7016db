using Lavka.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lavka.Notifications;

/// <summary>The API: <c>/v2/users/{id}/messages</c> and <c>/v2/users/{id}/preferences</c>; and an order's messages, for the Gateway's overview.</summary>
public static class V2
{
    public sealed record MessageView(string Template, string Reference, string Channel, string Status, string Text, DateTimeOffset? SentAt)
    {
        public static MessageView Of(Message message) =>
            new(message.Template, message.Reference, message.Channel, message.Status.ToName(), message.Text, message.SentAt);
    }

    public sealed record PreferencesBody(bool? Email, bool? Sms);

    public sealed record PreferencesView(bool Email, bool Sms);

    public static void MapV2(this WebApplication app)
    {
        var users = app.MapGroup("/v2/users/{userId}").WithTags("Messages");
        users.MapGet("/messages", async Task<Ok<Page<MessageView>>> (string userId, string? cursor, int? limit, Caller caller, AggregateStore store, CancellationToken stop) =>
        {
            caller.MustBe(userId);
            var page = await Page.Of<Message>(store, Message.IndexOf(userId), key => key, cursor, limit, null, stop);
            return TypedResults.Ok(new Page<MessageView>([.. page.Items.Select(MessageView.Of)], page.NextCursor));
        }).WithSummary("What a user was told, newest first.");
        app.MapGet("/orders/{orderId}/messages", async Task<Ok<IEnumerable<MessageView>>> (string orderId, AggregateStore store, CancellationToken stop) =>
            TypedResults.Ok((await store.FindAll<Message>(Message.KeysOf(orderId), stop)).OrderBy(message => message.SentAt).Select(MessageView.Of))).ExcludeFromDescription();
        users.MapGet("/preferences", async Task<Ok<PreferencesView>> (string userId, Caller caller, AggregateStore store, CancellationToken stop) =>
        {
            caller.MustBe(userId);
            var preferences = await Preferences.Find(userId, store, stop);
            return TypedResults.Ok(new PreferencesView(preferences.Email, preferences.Sms));
        }).WithSummary("On which channels a user wants to be told.");
        users.MapPatch("/preferences", async Task<Ok<PreferencesView>> (string userId, PreferencesBody body, Caller caller, AggregateStore store, CancellationToken stop) =>
        {
            caller.MustBe(userId);
            var preferences = await Preferences.Change(userId, body.Email, body.Sms, store, stop);
            return TypedResults.Ok(new PreferencesView(preferences.Email, preferences.Sms));
        }).WithSummary("Opt out of a channel, or in again.");
    }
}
