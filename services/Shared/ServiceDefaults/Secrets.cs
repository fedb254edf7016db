namespace Lavka.ServiceDefaults;

/// <summary>The secrets of the shop, in the Dapr secret store <c>secretstore</c>.</summary>
public static class Secrets
{
    public const string Store = "secretstore";

    /// <summary>What bearer tokens are signed with: at least 32 characters.</summary>
    public const string TokenKey = "token-key";

    /// <summary>The operator's password.</summary>
    public const string OperatorPassword = "operator-password";

    /// <summary>What the carrier signs its webhooks with.</summary>
    public const string CarrierKey = "carrier-key";

    /// <summary>What <c>components/secrets.json</c> says, which everybody can read.</summary>
    public static IReadOnlyDictionary<string, string> OfDevelopment { get; } = new Dictionary<string, string>
    {
        [TokenKey] = "for-development-only-make-your-own-0123456789",
        [OperatorPassword] = "lavka-operator",
        [CarrierKey] = "for-development-only-carrier",
    };
}
