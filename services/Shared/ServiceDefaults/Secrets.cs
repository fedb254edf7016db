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
}
