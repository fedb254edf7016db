using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Notifications;

/// <summary>Where a user is reached: the copy that Users' events keep.</summary>
public sealed record Contact(string UserId, string Email, string Name, string? Phone)
{
    private sealed record UserView(string Id, string Email, string Name, string? Phone);

    public static string KeyOf(string userId) => $"contact-{userId}";

    /// <summary>A user's contact; from Users where the user is so new that their event has not come yet.</summary>
    public static async Task<Contact> Find(string userId, AggregateStore store, Peers peers, CancellationToken stop) =>
        await store.Find<Contact>(KeyOf(userId), stop)
        ?? (await peers.Get<UserView>(Topics.Users, $"/v2/users/{Uri.EscapeDataString(userId)}", stop) is { } user
            ? new(user.Id, user.Email, user.Name, user.Phone)
            : throw new RuleBrokenException($"There is no user '{userId}' to tell."));
}
