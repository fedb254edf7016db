using Microsoft.AspNetCore.Http;

namespace Lavka.ServiceDefaults;

/// <summary>Who a request comes from, as it says and proves (<see cref="CallerTokens"/>).</summary>
/// <param name="UserId">The signed-in user, or the service; null: nobody signed in.</param>
/// <param name="Role">See <see cref="Roles"/>.</param>
public sealed record Caller(string? UserId, string Role)
{
    /// <summary>Another service, whichever: what asks where nothing is to be proved.</summary>
    internal static Caller SomeService { get; } = new(null, Roles.Service);

    /// <summary>Whether the caller may see and change what is everybody's.</summary>
    public bool IsTrusted => Role is Roles.Service or Roles.Operator;

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

    public static ValueTask<Caller> BindAsync(HttpContext http) => ValueTask.FromResult(http.Features.Get<Caller>() ?? SomeService);
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

    /// <summary>Another service in its own name, or the Gateway for v1, which knows no callers: there, whoever may ask may everything.</summary>
    public const string Service = "service";
}
