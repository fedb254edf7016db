using System.Security.Claims;
using System.Text.Encodings.Web;
using Lavka.ServiceDefaults;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;

namespace Lavka.Gateway;

/// <summary>Who calls, by <c>Authorization: Bearer</c>, and what they may.</summary>
public static class SignInExtensions
{
    public const string UserClaim = "sub";
    public const string RoleClaim = "role";

    /// <summary>The policy of what only operators may.</summary>
    public const string OperatorsOnly = "operators";

    private const string Bearer = "Bearer";

    public static void AddSignIn(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<Tokens>();
        builder.Services.AddAuthentication(Bearer).AddScheme<AuthenticationSchemeOptions, BearerHandler>(Bearer, null);
        builder.Services.AddAuthorizationBuilder().AddPolicy(OperatorsOnly, policy => policy.RequireClaim(RoleClaim, Roles.Operator));
    }

    /// <summary>The signed-in user; null: nobody.</summary>
    public static string? UserId(this ClaimsPrincipal user) => user.FindFirstValue(UserClaim);

    /// <summary>See <see cref="Roles"/>.</summary>
    public static string Role(this ClaimsPrincipal user) => user.FindFirstValue(RoleClaim) ?? Roles.Anonymous;

    private sealed class BearerHandler(IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logs, UrlEncoder encoder, Tokens tokens)
        : AuthenticationHandler<AuthenticationSchemeOptions>(options, logs, encoder)
    {
        private const string Prefix = $"{Bearer} ";

        protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
        {
            var header = Request.Headers.Authorization.ToString();
            return !header.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase) ? AuthenticateResult.NoResult()
                : await tokens.Read(header[Prefix.Length..].Trim(), Context.RequestAborted) is { } identity
                    ? AuthenticateResult.Success(new(new ClaimsPrincipal(new ClaimsIdentity(identity.Claims, Bearer)), Bearer))
                    : AuthenticateResult.Fail("The token is not ours, or too old.");
        }

        protected override async Task HandleChallengeAsync(AuthenticationProperties properties)
        {
            Response.Headers.WWWAuthenticate = Bearer;
            var failed = (await HandleAuthenticateOnceSafeAsync()).Failure;
            await Limits.Problem(Context, StatusCodes.Status401Unauthorized, $"{(failed is null ? "Nobody has signed in." : failed.Message)} Sign in with POST /v2/sessions and send Authorization: Bearer <token>.");
        }

        protected override Task HandleForbiddenAsync(AuthenticationProperties properties) => Limits.Problem(Context, StatusCodes.Status403Forbidden, "Only an operator may do this.");
    }
}
