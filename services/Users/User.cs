namespace Lavka.Users;

/// <summary>Somebody who orders.</summary>
/// <param name="CommunicationSent">Whether the welcome message has gone out.</param>
/// <param name="Phone">Where short messages go, as an international number.</param>
/// <param name="Request">What tells the request apart that made it, if that had an idempotency key; not the password.</param>
/// <param name="PasswordHash">Null: registered through v1, which has no sign-in.</param>
public sealed record User(string UserId, string Email, string Name, DateTimeOffset CreatedAt, bool CommunicationSent, string? Phone = null, string? PasswordHash = null, string? Request = null)
{
    /// <summary>The index of all users.</summary>
    public const string Index = "users";

    public static string KeyOf(string userId) => $"user-{userId}";

    /// <summary>The key that holds whose e-mail address this is. Case does not make two of it.</summary>
    public static string EmailKeyOf(string email) => $"email-{email.ToLowerInvariant()}";
}
