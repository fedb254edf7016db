using Lavka.ServiceDefaults;

namespace Lavka.Notifications;

/// <summary>On which channels a user wants to be told.</summary>
public sealed record Preferences(string UserId, bool Email, bool Sms)
{
    public static string KeyOf(string userId) => $"preferences-{userId}";

    public bool Want(string channel) => channel == Channels.Email ? Email : Sms;

    /// <summary>A user's preferences; who has said nothing wants to be told.</summary>
    public static async Task<Preferences> Find(string userId, AggregateStore store, CancellationToken stop) =>
        await store.Find<Preferences>(KeyOf(userId), stop) ?? new(userId, true, true);

    public static async Task<Preferences> Change(string userId, bool? email, bool? sms, AggregateStore store, CancellationToken stop) => (await store.Accept<Preferences>(KeyOf(userId), known =>
    {
        var before = known ?? new(userId, true, true);
        var after = before with { Email = email ?? before.Email, Sms = sms ?? before.Sms };
        return after == known ? after.Unchanged() : after.Quietly();
    }, stop))!;
}
