namespace Dapr.Actors.Runtime;

/// <summary>What an actor keeps, by names. Changes are saved together when the actor's method ends, or by <see cref="SaveStateAsync"/>.</summary>
public interface IActorStateManager
{
    /// <summary>Reads a state.</summary>
    /// <param name="stateName">The state's name.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="KeyNotFoundException">There is none.</exception>
    Task<T> GetStateAsync<T>(string stateName, CancellationToken cancellationToken = default);

    /// <summary>Reads a state, if there is one.</summary>
    /// <param name="stateName">The state's name.</param>
    /// <param name="cancellationToken">Cancels.</param>
    Task<ConditionalValue<T>> TryGetStateAsync<T>(string stateName, CancellationToken cancellationToken = default);

    /// <summary>Sets a state.</summary>
    /// <param name="stateName">The state's name.</param>
    /// <param name="value">The value.</param>
    /// <param name="cancellationToken">Cancels.</param>
    Task SetStateAsync<T>(string stateName, T value, CancellationToken cancellationToken = default);

    /// <summary>Removes a state, if there is one.</summary>
    /// <param name="stateName">The state's name.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>Whether there was one.</returns>
    Task<bool> TryRemoveStateAsync(string stateName, CancellationToken cancellationToken = default);

    /// <summary>Whether there is a state.</summary>
    /// <param name="stateName">The state's name.</param>
    /// <param name="cancellationToken">Cancels.</param>
    Task<bool> ContainsStateAsync(string stateName, CancellationToken cancellationToken = default);

    /// <summary>Forgets what was read and changes that are not saved.</summary>
    /// <param name="cancellationToken">Cancels.</param>
    Task ClearCacheAsync(CancellationToken cancellationToken = default);

    /// <summary>Saves the changes, all or none.</summary>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="DaprApiException">They could not be saved.</exception>
    Task SaveStateAsync(CancellationToken cancellationToken = default);
}
