namespace Lavka.Notifications;

/// <summary>Something a user was told. There is one of a template about a thing, whatever comes twice.</summary>
/// <param name="UserId">Who.</param>
/// <param name="Template">What kind of message.</param>
/// <param name="Reference">About what: an order's id, or the user's.</param>
/// <param name="Channel">How: <c>email</c>.</param>
public sealed record Message(string UserId, string Template, string Reference, string Channel, string Text, DateTimeOffset SentAt)
{
    public static string KeyOf(string template, string reference) => $"message-{template}-{reference}";

    /// <summary>The index of a user's messages.</summary>
    public static string IndexOf(string userId) => $"messages-of-{userId}";
}
