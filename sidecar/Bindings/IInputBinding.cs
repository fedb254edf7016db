namespace Lavka.Sidecar.Bindings;

/// <summary>An event of an input binding.</summary>
/// <param name="Data">The body the app gets.</param>
/// <param name="Metadata">Goes to the app as headers.</param>
internal sealed record BindingEvent(byte[] Data, IReadOnlyDictionary<string, string> Metadata);

/// <summary>An input binding component (Dapr: reference/api/bindings_api, "Invoking service code through input bindings").</summary>
internal interface IInputBinding : IComponent
{
    /// <summary>Brings events to the handler, which throws when the app has not taken one, until disposed of.</summary>
    IAsyncDisposable Read(Func<BindingEvent, CancellationToken, Task> handler);
}

/// <summary>An input binding with what belongs to it.</summary>
/// <param name="Route">The app's path, by default the component's name.</param>
/// <param name="IsDeclared">Whether <c>direction</c> says that it is an input; otherwise the app is asked.</param>
internal sealed record LoadedInputBinding(string Name, IInputBinding Binding, string Route, bool IsDeclared);
