namespace Lavka.Contracts;

/// <summary>A message went out to a user.</summary>
/// <param name="UserId">Who was told.</param>
/// <param name="Template">What, for example <c>welcome</c>.</param>
/// <param name="Reference">About what: an order's id, or the user's.</param>
/// <param name="Channel">How: <c>email</c> or <c>sms</c>.</param>
public sealed record NotificationSent(string UserId, string Template, string Reference, string Channel = "email") : IEvent
{
    public static string Topic => Topics.Notifications;

    public static string Type => "notification.sent";

    public string PartitionKey => UserId;
}
