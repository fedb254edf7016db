using Lavka.Contracts;
using Lavka.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lavka.Gateway;

/// <summary>Signing in: <c>POST /v2/sessions</c>.</summary>
public static class Sessions
{
    public sealed record Credentials(string? Email, string? Password);

    /// <param name="Token">For <c>Authorization: Bearer</c>.</param>
    /// <param name="ExpiresIn">Seconds.</param>
    public sealed record Session(string Token, string TokenType, int ExpiresIn, string UserId, string Role);

    private sealed record SignedIn(string UserId, string Role);

    public static void MapSessions(this WebApplication app) =>
        app.MapPost("/v2/sessions", async Task<Created<Session>> (Credentials credentials, HttpContext http, Peers peers, Tokens tokens, CancellationToken stop) =>
        {
            using var content = JsonContent.Create(new { credentials.Email, credentials.Password, client = http.Connection.RemoteIpAddress?.ToString() });
            using var response = await peers.Send(Topics.Users, HttpMethod.Post, "/credentials", stop, content);
            if (response.Headers.RetryAfter?.Delta is { } pause)
            {
                throw RequestException.TooMany($"Too many wrong passwords; try again in {pause.TotalSeconds:0} s.", pause);
            }

            if (!response.IsSuccessStatusCode)
            {
                throw RequestException.Unauthorized("The e-mail address or the password is wrong.");
            }

            var who = (await response.Content.ReadFromJsonAsync<SignedIn>(stop))!;
            var token = await tokens.Issue(who.UserId, who.Role, stop);
            return TypedResults.Created((string?)null, new Session(token, "Bearer", (int)tokens.Lifetime.TotalSeconds, who.UserId, who.Role));
        }).RequireRateLimiting(Limits.SignIn).WithTags("Sessions").WithSummary("Sign in; the answer's token goes into Authorization: Bearer.");
}
