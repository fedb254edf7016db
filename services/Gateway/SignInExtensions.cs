using System.Security.Claims;
using Lavka.ServiceDefaults;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;

namespace Lavka.Gateway;

/// <summary>Who calls, by <c>Authorization: Bearer</c>, and what they may.</summary>
public static class SignInExtensions
{
    public const string UserClaim = "sub";
    public const string RoleClaim = "role";

    /// <summary>The policy of what only operators may.</summary>
    public const string OperatorsOnly = "operators";

    public static void AddSignIn(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<Tokens>();
        builder.Services.AddAuthentication(JwtBearerDefaults.AuthenticationScheme).AddJwtBearer(bearer =>
        {
            bearer.MapInboundClaims = false;
            bearer.TokenValidationParameters = new()
            {
                ValidIssuer = Tokens.Issuer,
                ValidAudience = Tokens.Issuer,
                ValidAlgorithms = [SecurityAlgorithms.HmacSha256],
                RoleClaimType = RoleClaim,
                NameClaimType = UserClaim,
                ClockSkew = TimeSpan.FromSeconds(5),
            };
            bearer.Events = new() { OnChallenge = Challenge, OnForbidden = forbidden => Limits.Problem(forbidden.HttpContext, StatusCodes.Status403Forbidden, "Only an operator may do this.") };
        });
        builder.Services.AddOptions<JwtBearerOptions>(JwtBearerDefaults.AuthenticationScheme).Configure((JwtBearerOptions bearer, Tokens tokens) => bearer.ConfigurationManager = new Keys(tokens));
        builder.Services.AddAuthorizationBuilder().AddPolicy(OperatorsOnly, policy => policy.RequireClaim(RoleClaim, Roles.Operator));
    }

    /// <summary>The signed-in user; null: nobody.</summary>
    public static string? UserId(this ClaimsPrincipal user) => user.FindFirstValue(UserClaim);

    /// <summary>See <see cref="Roles"/>.</summary>
    public static string Role(this ClaimsPrincipal user) => user.FindFirstValue(RoleClaim) ?? Roles.Anonymous;

    private static Task Challenge(JwtBearerChallengeContext challenge)
    {
        challenge.HandleResponse();
        challenge.Response.Headers.WWWAuthenticate = JwtBearerDefaults.AuthenticationScheme;
        var problem = challenge.AuthenticateFailure is null ? "Nobody has signed in." : "The token is not ours, or too old.";
        return Limits.Problem(challenge.HttpContext, StatusCodes.Status401Unauthorized, $"{problem} Sign in with POST /v2/sessions and send Authorization: Bearer <token>.");
    }

    /// <summary>The key, asked for when the first token comes: Dapr may not be there yet when the options are made.</summary>
    private sealed class Keys(Tokens tokens) : IConfigurationManager<OpenIdConnectConfiguration>
    {
        public async Task<OpenIdConnectConfiguration> GetConfigurationAsync(CancellationToken cancel) => new() { Issuer = Tokens.Issuer, SigningKeys = { await tokens.Key(cancel) } };

        public void RequestRefresh()
        {
            // The key is the same as long as the Gateway runs.
        }
    }
}
