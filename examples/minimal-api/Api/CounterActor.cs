using Dapr.Actors;
using Dapr.Actors.Runtime;

namespace MinimalApi;

/// <summary>Counts, and does not forget.</summary>
public interface ICounterActor : IActor
{
    /// <summary>The count after one more.</summary>
    Task<int> Increment();
}

/// <inheritdoc cref="ICounterActor"/>
internal sealed class CounterActor(ActorHost host) : Actor(host), ICounterActor
{
    public Task<int> Increment() => StateManager.AddOrUpdateStateAsync("count", 1, (_, count) => count + 1);
}
