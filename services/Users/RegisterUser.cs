using System.Text.RegularExpressions;
using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Users;

/// <summary>Registers a user. An e-mail address is one user's.</summary>
public static partial class RegisterUser
{
    public static async Task<User> Handle(string? email, string? name, AggregateStore store, TimeProvider time, CancellationToken stop)
    {
        email = email?.Trim();
        name = name?.Trim();
        if (string.IsNullOrEmpty(email) || email.Length > 254 || !Email().IsMatch(email))
        {
            throw RequestException.Bad($"The email '{email}' is not an e-mail address.");
        }

        if (string.IsNullOrEmpty(name) || name.Length > 200)
        {
            throw RequestException.Bad("The name is required, with at most 200 characters.");
        }

        var userId = Guid.CreateVersion7().ToString();
        var emailKey = User.EmailKeyOf(email);
        var user = await store.Accept<User, IdList>(User.KeyOf(userId), [emailKey, User.Index], (existing, parts) =>
        {
            if (existing is not null)
            {
                return existing.Unchanged();
            }

            if (parts[emailKey] is not null)
            {
                throw RequestException.Bad($"The email '{email}' is registered already.");
            }

            parts.Set(emailKey, new([userId]));
            IdList.Add(parts, User.Index, userId);
            return new User(userId, email, name, time.GetUtcNow(), CommunicationSent: false).Telling(new UserCreated(userId, email, name));
        }, stop);
        return user!;
    }

    [GeneratedRegex(@"^[^@\s]+@[^@\s]+\.[^@\s.]+$")]
    private static partial Regex Email();
}
