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

    public sealed record Credentials(string? Email, string? Password);

    public sealed record SignedIn(string UserId, string Role);

    public static async Task<SignedIn> Handle(Credentials credentials, AggregateStore store, Passwords passwords, DaprClient dapr, CancellationToken stop)
    {
        var (email, password) = (credentials.Email?.Trim() ?? "", credentials.Password ?? "");
        if (email.Equals(OperatorEmail, StringComparison.OrdinalIgnoreCase))
        {
            // Only so that the time does not tell whose address it is.
            passwords.Matches(null, password);
            var secret = (await dapr.GetSecretAsync(Secrets.Store, Secrets.OperatorPassword, cancellationToken: stop)).GetValueOrDefault(Secrets.OperatorPassword, "");
            return secret.Length > 0 && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes(password))
                ? new("operator", Roles.Operator)
                : throw Wrong();
        }

        var userId = RegisterUser.IsEmail(email) ? (await store.FindPart<IdList>(User.EmailKeyOf(email), stop))?.Ids[0] : null;
        var user = userId is null ? null : await store.Find<User>(User.KeyOf(userId), stop);
        return passwords.Matches(user?.PasswordHash, password) ? new(user!.UserId, Roles.Customer) : throw Wrong();
    }

    private static RequestException Wrong() => RequestException.Unauthorized("The e-mail address or the password is wrong.");
}
