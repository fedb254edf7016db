namespace Lavka.Sidecar;

/// <summary>A running Dapr component, of whatever kind.</summary>
internal interface IComponent : IAsyncDisposable
{
    /// <summary>Its features, by the names of Dapr's metadata API.</summary>
    IReadOnlyList<string> Capabilities { get; }

    /// <summary>Connects to what it stands for; has <c>spec.initTimeout</c> for it.</summary>
    Task Start(CancellationToken stop) => Task.CompletedTask;
}
