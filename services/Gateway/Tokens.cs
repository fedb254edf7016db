using System.Security.Claims;
using System.Text;
using Dapr.Client;
using Lavka.ServiceDefaults;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Lavka.Gateway;

/// <summary>
/// Bearer tokens: JSON Web Tokens (RFC 7519), signed with the secret <c>token-key</c>, so that every instance of the Gateway knows them and none keeps them. They are good for
/// <c>Gateway:TokenLifetime</c>, an hour by default.
/// </summary>
public sealed class Tokens(DaprClient dapr, IConfiguration configuration, TimeProvider time)
{
    /// <summary>Who makes the tokens, and who they are for.</summary>
    public const string Issuer = "lavka";

    private const int ShortestKey = 32;

    private readonly JsonWebTokenHandler _handler = new();
    private SymmetricSecurityKey? _key;

    public TimeSpan Lifetime { get; } = configuration.GetValue("Gateway:TokenLifetime", TimeSpan.FromHours(1));

    public async Task<string> Issue(string userId, string role, CancellationToken stop)
    {
        var now = time.GetUtcNow().UtcDateTime;
        return _handler.CreateToken(new SecurityTokenDescriptor
        {
            Issuer = Issuer,
            Audience = Issuer,
            IssuedAt = now,
            NotBefore = now,
            Expires = now + Lifetime,
            Subject = new ClaimsIdentity([new(SignInExtensions.UserClaim, userId), new(SignInExtensions.RoleClaim, role)]),
            SigningCredentials = new(await Key(stop), SecurityAlgorithms.HmacSha256),
        });
    }

    /// <summary>What tokens are signed with.</summary>
    /// <exception cref="InvalidOperationException">The secret is too short for a key.</exception>
    public async Task<SymmetricSecurityKey> Key(CancellationToken stop)
    {
        if (_key is null)
        {
            var secret = (await dapr.GetSecretAsync(Secrets.Store, Secrets.TokenKey, cancellationToken: stop)).GetValueOrDefault(Secrets.TokenKey, "");
            _key = secret.Length >= ShortestKey
                ? new(Encoding.UTF8.GetBytes(secret))
                : throw new InvalidOperationException($"The secret '{Secrets.TokenKey}' has {secret.Length} characters; it needs at least {ShortestKey}.");
        }

        return _key;
    }
}
