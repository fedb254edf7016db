namespace Lavka.Contracts;

/// <summary>A message went out to a user.</summary>
/// <param name="UserId">Who was told.</param>
/// <param name="Template">What, for example <c>welcome</c>.</param>
/// <param name="Reference">About what: an order's id, or the user's.</param>
public sealed record NotificationSent(string UserId, string Template, string Reference) : IEvent
{
    public static string Type => "notification.sent";

    public string PartitionKey => UserId;
}
