using Lavka.Sidecar.Observability;
using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.Invocation;

/// <summary>Where an invocation goes.</summary>
/// <param name="Id">What it was called by.</param>
/// <param name="Address">The address that paths are added to.</param>
/// <param name="App">The app's channel; null: it is no app of Dapr's.</param>
/// <param name="Headers">What its requests carry besides the caller's headers.</param>
/// <param name="Http">The connections to what is no app of Dapr's.</param>
internal sealed record InvocationTarget(string Id, string Address, AppChannel? App, IReadOnlyDictionary<string, string> Headers, HttpMessageInvoker? Http)
{
    /// <summary>Whether the app is beside another sidecar.</summary>
    public bool IsRemote { get; init; }

    /// <summary>What the app's sidecar counts; null: nothing, or it is no app beside another sidecar.</summary>
    public InvocationMetrics? Metrics { get; init; }

    /// <summary>Who may invoke the app; null: anyone.</summary>
    public AccessControl? AccessControl { get; init; }

    /// <summary>Which circuit breaker its calls share; null: each method has one.</summary>
    public string? BreakerKey { get; init; }
}
