using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Users;

/// <summary>Notes that the welcome message has gone out.</summary>
public static class ConfirmWelcome
{
    public static Task Handle(NotificationSent notification, AggregateStore store, CancellationToken stop) =>
        store.Change<User>(User.KeyOf(notification.UserId), user =>
            user is null ? throw new RuleBrokenException($"There is no user '{notification.UserId}' to welcome.")
            : user.CommunicationSent ? user.Unchanged()
            : (user with { CommunicationSent = true }).Quietly(), stop);
}
