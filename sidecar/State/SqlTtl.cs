using Lavka.Sidecar.Go;

namespace Lavka.Sidecar.State;

/// <summary>The metadata <c>ttlInSeconds</c> as Dapr's SQL state stores read it (Dapr: developing-applications/building-blocks/state-management/state-store-ttl).</summary>
internal static class SqlTtl
{
    /// <inheritdoc cref="IStateStore.TtlSeconds"/>
    public static long Seconds(string text)
    {
        try
        {
            return GoNumber.ParseInt(text) is >= -1 and <= int.MaxValue and var seconds ? seconds : throw new FormatException("must be -1 or greater");
        }
        catch (FormatException e)
        {
            throw new FormatException($"error parsing TTL: incorrect value for metadata 'ttlInSeconds': {e.Message}");
        }
    }
}
