using Microsoft.AspNetCore.Http;

namespace Lavka.ServiceDefaults;

/// <summary>
/// Who a request comes from, as the Gateway says: services take requests from their sidecar alone, so nobody else can say it. A request without these headers is
/// another service's.
/// </summary>
/// <param name="UserId">The signed-in user; null: nobody signed in, or another service.</param>
/// <param name="Role">See <see cref="Roles"/>; null: another service.</param>
public sealed record Caller(string? UserId, string? Role)
{
    public const string UserHeader = "Lavka-User";
    public const string RoleHeader = "Lavka-Role";

    /// <summary>Whether the caller may see and change what is everybody's.</summary>
    public bool IsTrusted => Role is null or Roles.Operator;

    /// <summary>Whether the caller may see and change what is this user's.</summary>
    public bool MayAct(string userId) => IsTrusted || UserId == userId;

    /// <exception cref="RequestException">404: this user's things are not for the caller to know of.</exception>
    public void MustBe(string userId)
    {
        if (!MayAct(userId))
        {
            throw RequestException.NotFound($"There is no user '{userId}'.");
        }
    }

    /// <exception cref="RequestException">403: the caller is a customer, or nobody who signed in.</exception>
    public void MustBeOperator()
    {
        if (!IsTrusted)
        {
            throw RequestException.Forbidden("Only an operator may do this.");
        }
    }

    public static ValueTask<Caller> BindAsync(HttpContext http) => ValueTask.FromResult(new Caller(Header(http, UserHeader), Header(http, RoleHeader)));

    private static string? Header(HttpContext http, string name) => http.Request.Headers[name].FirstOrDefault();
}

/// <summary>What a caller may do.</summary>
public static class Roles
{
    /// <summary>Sees and changes their own.</summary>
    public const string Customer = "customer";

    /// <summary>Sees and changes everything.</summary>
    public const string Operator = "operator";

    /// <summary>Has not signed in.</summary>
    public const string Anonymous = "anonymous";
}
