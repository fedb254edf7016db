namespace Lavka.Sidecar.Bindings;

/// <summary>What an operation of a binding answers.</summary>
/// <param name="Data">The answer's body; null for none.</param>
/// <param name="Metadata">Goes to the caller as <c>metadata.</c> headers.</param>
internal sealed record BindingAnswer(byte[]? Data, IReadOnlyDictionary<string, string> Metadata)
{
    public static BindingAnswer Nothing { get; } = new(null, new Dictionary<string, string>());
}

/// <summary>An output binding component (Dapr: reference/api/bindings_api).</summary>
internal interface IOutputBinding : IComponent
{
    IReadOnlyList<string> Operations { get; }

    /// <summary>Carries one of <see cref="Operations"/> out.</summary>
    /// <exception cref="BindingException">It cannot be done; the message goes to the caller.</exception>
    Task<BindingAnswer> Invoke(string operation, byte[] data, IReadOnlyDictionary<string, string> metadata, CancellationToken stop);
}

/// <summary>A binding cannot do what it was asked.</summary>
internal sealed class BindingException(string message) : Exception(message)
{
    /// <summary>Goes to the caller as <c>metadata.</c> headers, error or not.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = BindingAnswer.Nothing.Metadata;
}
