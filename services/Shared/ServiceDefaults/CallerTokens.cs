using System.Collections.Concurrent;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Lavka.ServiceDefaults;

/// <summary>
/// Says, and proves, who a request between services comes from: a JSON Web Token (RFC 7519) in the header <see cref="Header"/>, good for a minute, signed with a key that is made from
/// <c>APP_API_TOKEN</c>, which the services and their sidecars alone know. Whoever else reaches a sidecar can say nothing of a caller that a service believes.
/// </summary>
/// <param name="service">This service's app id.</param>
/// <param name="appToken">What services want of their sidecars: <c>APP_API_TOKEN</c>.</param>
public sealed class CallerTokens(string service, string appToken, TimeProvider time)
{
    public const string Header = "Lavka-Caller";

    private const string Subject = "sub";
    private const string Role = "role";
    private const string Purpose = "lavka-caller";
    private const int KeyLength = 32;
    private const int MostKept = 1000;

    // Clocks of two machines are never the same.
    private static readonly TimeSpan ClockSkew = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(1);

    private readonly JsonWebTokenHandler _handler = new() { SetDefaultTimesOnTokenCreation = false };
    private readonly SymmetricSecurityKey _key = KeyFrom(appToken);
    private readonly ConcurrentDictionary<Caller, Made> _made = new();
    private readonly ConcurrentDictionary<string, Known> _known = new();

    /// <summary>What this service sends in its own name.</summary>
    public string ForService() => For(new(service, Roles.Service));

    /// <summary>What is sent in the caller's name; the same for half a minute.</summary>
    public string For(Caller caller)
    {
        var now = time.GetUtcNow();
        if (_made.TryGetValue(caller, out var made) && made.Until > now)
        {
            return made.Token;
        }

        var claims = new List<Claim> { new(Role, caller.Role) };
        if (caller.UserId is not null)
        {
            claims.Add(new(Subject, caller.UserId));
        }

        var token = _handler.CreateToken(new SecurityTokenDescriptor
        {
            Expires = (now + Lifetime).UtcDateTime,
            Subject = new ClaimsIdentity(claims),
            SigningCredentials = new(_key, SecurityAlgorithms.HmacSha256),
        });
        Keep(_made, caller, new(token, now + (Lifetime / 2)));
        return token;
    }

    /// <summary>Who it says the caller is; null: it is not ours, or too old.</summary>
    public async ValueTask<Caller?> Read(string token)
    {
        if (token.Length == 0)
        {
            return null;
        }

        var now = time.GetUtcNow();
        if (_known.TryGetValue(token, out var known) && known.Until > now)
        {
            return known.Caller;
        }

        var result = await _handler.ValidateTokenAsync(token, new()
        {
            IssuerSigningKey = _key,
            ValidAlgorithms = [SecurityAlgorithms.HmacSha256],
            ValidateIssuer = false,
            ValidateAudience = false,
            RequireExpirationTime = true,
            LifetimeValidator = (_, expires, _, _) => expires + ClockSkew > now.UtcDateTime,
        });
        if (!result.IsValid || result.SecurityToken is not JsonWebToken read || !read.TryGetPayloadValue<string>(Role, out var role))
        {
            return null;
        }

        var caller = new Caller(read.TryGetPayloadValue<string>(Subject, out var subject) ? subject : null, role);
        Keep(_known, token, new(caller, read.ValidTo + ClockSkew));
        return caller;
    }

    private static SymmetricSecurityKey KeyFrom(string token) =>
        new(HKDF.DeriveKey(HashAlgorithmName.SHA256, Encoding.UTF8.GetBytes(token), KeyLength, info: Encoding.UTF8.GetBytes(Purpose)));

    private static void Keep<TKey, TValue>(ConcurrentDictionary<TKey, TValue> kept, TKey key, TValue value)
        where TKey : notnull
    {
        // They are old within a minute: which are, nobody need look for.
        if (kept.Count >= MostKept)
        {
            kept.Clear();
        }

        kept[key] = value;
    }

    private sealed record Made(string Token, DateTimeOffset Until);

    private sealed record Known(Caller Caller, DateTimeOffset Until);
}
