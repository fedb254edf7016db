using System.Text.Json.Serialization;

namespace Lavka.Notifications;

[JsonConverter(typeof(JsonStringEnumConverter<MessageStatus>))]
public enum MessageStatus
{
    /// <summary>It is being sent, or a crash came in between.</summary>
    Sending,

    Sent,

    /// <summary>The user does not want messages on this channel, or has no address there.</summary>
    Skipped,
}

/// <summary>Something a user was told. There is one of a template about a thing on a channel, whatever comes twice.</summary>
/// <param name="UserId">Who.</param>
/// <param name="Template">What kind of message.</param>
/// <param name="Reference">About what: an order's id, or the user's.</param>
/// <param name="Channel">How: <c>email</c> or <c>sms</c>.</param>
/// <param name="SentAt">When it was sent; as long as it is being sent, when that was tried last, or null after a failure.</param>
public sealed record Message(
    string UserId, string Template, string Reference, string Channel, string Text, DateTimeOffset? SentAt, MessageStatus Status = MessageStatus.Sent)
{
    public static string KeyOf(string template, string reference, string channel = Channels.Email) => $"message-{template}-{reference}" + (channel == Channels.Email ? "" : $"-{channel}");

    /// <summary>The keys of all there can be about an order.</summary>
    public static IReadOnlyList<string> KeysOf(string orderId) =>
        [.. Notifications.Template.OfOrders.SelectMany(template => new[] { Channels.Email, Channels.Sms }.Select(channel => KeyOf(template, orderId, channel)))];

    /// <summary>The index of a user's messages.</summary>
    public static string IndexOf(string userId) => $"messages-of-{userId}";
}

/// <summary>How users are told. Each is a Dapr output binding of this name.</summary>
public static class Channels
{
    public const string Email = "email";
    public const string Sms = "sms";
}
