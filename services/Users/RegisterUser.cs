using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;
using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Users;

/// <summary>Who wants to be a user.</summary>
/// <param name="Password">Null: a user of the v1 API, who cannot sign in.</param>
public sealed record Registration(string? Email, string? Name, string? Password = null, string? Phone = null, string? IdempotencyKey = null);

/// <summary>Registers a user. An e-mail address is one user's.</summary>
public static partial class RegisterUser
{
    private const int LongestName = 200;
    private const int ShortestPassword = 8;
    private const int LongestPassword = 200;

    public static async Task<User> Handle(Registration wanted, AggregateStore store, Passwords passwords, TimeProvider time, CancellationToken stop)
    {
        var (email, name, phone) = Checked(wanted);
        var userId = NaturalId.ForRequest($"user\n{email.ToLowerInvariant()}", wanted.IdempotencyKey);
        var emailKey = User.EmailKeyOf(email);
        if (wanted.Password is not null && string.IsNullOrEmpty(wanted.IdempotencyKey) && await store.FindPart<IdList>(emailKey, stop) is not null)
        {
            // Before the password is hashed, which is slow on purpose.
            throw Registered(email);
        }

        var passwordHash = wanted.Password is null ? null : passwords.Hash(wanted.Password);
        var request = NaturalId.HashOf(wanted.IdempotencyKey, wanted with { Password = null });
        var user = await store.Accept<User, IdList>(User.KeyOf(userId), [emailKey, User.Index], (existing, parts) =>
        {
            if (existing is not null)
            {
                NaturalId.CheckSame(existing.Request, request, wanted.IdempotencyKey);
                return existing.Unchanged();
            }

            if (parts[emailKey] is not null)
            {
                throw Registered(email);
            }

            parts.Set(emailKey, new([userId]));
            IdList.Add(parts, User.Index, userId);
            return new User(userId, email, name, time.GetUtcNow(), CommunicationSent: false, phone, passwordHash, request).Telling(new UserCreated(userId, email, name, phone));
        }, stop);

        // The same request has the same password, of which only a salted hash is kept.
        return user!.PasswordHash == passwordHash || (wanted.Password is not null && passwords.Matches(user.PasswordHash, wanted.Password)) ? user : throw NaturalId.KeyUsed(wanted.IdempotencyKey);
    }

    /// <summary>
    /// Whether this can be somebody's e-mail address: RFC 5322's dot-atom with letters of any script, and a domain of two labels or more. Marks are part of their letters, or the same address
    /// could be written twice.
    /// </summary>
    public static bool IsEmail([NotNullWhen(true)] string? email) => email is { Length: > 0 and <= 254 } && Email().IsMatch(email);

    private static RequestException Registered(string email) => RequestException.Bad($"The email '{email}' is registered already.");

    private static (string Email, string Name, string? Phone) Checked(Registration wanted)
    {
        var email = wanted.Email?.Trim();
        if (!IsEmail(email))
        {
            throw RequestException.Bad($"The email '{email}' is not an e-mail address.");
        }

        if (email.Equals(CheckCredentials.OperatorEmail, StringComparison.OrdinalIgnoreCase))
        {
            throw Registered(email);
        }

        var name = Texts.Required("name", wanted.Name, LongestName);
        if (wanted.Password is { Length: < ShortestPassword or > LongestPassword })
        {
            throw RequestException.Bad($"The password has {wanted.Password.Length} characters; allowed are {ShortestPassword} to {LongestPassword}.");
        }

        if (wanted.Phone is not null && !Phone().IsMatch(wanted.Phone))
        {
            throw RequestException.Bad($"The phone '{wanted.Phone}' is no international number; write it like +4930123456.");
        }

        return (email, name, wanted.Phone);
    }

    [GeneratedRegex(@"^[\p{L}\p{Nd}!#$%&'*+/=?^_{}~-]+(\.[\p{L}\p{Nd}!#$%&'*+/=?^_{}~-]+)*@([\p{L}\p{Nd}]([\p{L}\p{Nd}-]*[\p{L}\p{Nd}])?\.)+[\p{L}]([\p{L}\p{Nd}-]*[\p{L}\p{Nd}])\z", RegexOptions.ExplicitCapture)]
    private static partial Regex Email();

    [GeneratedRegex(@"^\+[1-9][0-9]{6,14}\z")]
    private static partial Regex Phone();
}
