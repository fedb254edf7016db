namespace Lavka.ServiceDefaults;

/// <summary>The service's Dapr app id, which is also its topic.</summary>
public sealed record ServiceName(string Name)
{
    /// <summary>As the health check of the v1 API spells it: <c>orders</c> is <c>order-service</c>.</summary>
    public string InHealth => $"{(Name.EndsWith("rs", StringComparison.Ordinal) || Name.EndsWith("ts", StringComparison.Ordinal) || Name.EndsWith("ns", StringComparison.Ordinal) ? Name[..^1] : Name)}-service";
}
