using System.Security.Cryptography;
using System.Text;
using Dapr.Client;
using Lavka.ServiceDefaults;

namespace Lavka.Users;

/// <summary>Says who somebody with this e-mail address and password is. The Gateway asks it to sign them in; nobody else can.</summary>
public static class CheckCredentials
{
    /// <summary>The operator's e-mail address; the password is the secret <c>operator-password</c>.</summary>
    public const string OperatorEmail = "operator@lavka.example";

    /// <param name="Client">The address that asks; null: nobody says.</param>
    public sealed record Credentials(string? Email, string? Password, string? Client = null);

    public sealed record SignedIn(string UserId, string Role);

    public static async Task<SignedIn> Handle(Credentials credentials, AggregateStore store, Passwords passwords, DaprClient dapr, TimeProvider time, CancellationToken stop)
    {
        var (email, password) = (credentials.Email?.Trim() ?? "", credentials.Password ?? "");
        var attemptsKey = SignInAttempts.KeyOf(email, credentials.Client);
        var attempts = await store.Find<SignInAttempts>(attemptsKey, stop);
        if (attempts?.PauseAt(time.GetUtcNow()) is { Ticks: > 0 } pause)
        {
            throw RequestException.TooMany($"Too many wrong passwords; try again in {Math.Ceiling(pause.TotalSeconds):0} s.", pause);
        }

        if (await Check(email, password, store, passwords, dapr, stop) is not { } who)
        {
            await store.Accept<SignInAttempts>(attemptsKey, known => SignInAttempts.Failed(known, time.GetUtcNow()), stop);
            throw RequestException.Unauthorized("The e-mail address or the password is wrong.");
        }

        if (attempts is not null)
        {
            await store.Delete([attemptsKey], stop);
        }

        return who;
    }

    /// <summary>Null: it is wrong.</summary>
    private static async Task<SignedIn?> Check(string email, string password, AggregateStore store, Passwords passwords, DaprClient dapr, CancellationToken stop)
    {
        if (email.Equals(OperatorEmail, StringComparison.OrdinalIgnoreCase))
        {
            // Only so that the time does not tell whose address it is.
            passwords.Matches(null, password);
            var secret = (await dapr.GetSecretAsync(Secrets.Store, Secrets.OperatorPassword, cancellationToken: stop)).GetValueOrDefault(Secrets.OperatorPassword, "");
            return secret.Length > 0 && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes(password))
                ? new("operator", Roles.Operator)
                : null;
        }

        var userId = RegisterUser.IsEmail(email) ? (await store.FindPart<IdList>(User.EmailKeyOf(email), stop))?.Ids[0] : null;
        var user = userId is null ? null : await store.Find<User>(User.KeyOf(userId), stop);
        return passwords.Matches(user?.PasswordHash, password) ? new(user!.UserId, Roles.Customer) : null;
    }
}
