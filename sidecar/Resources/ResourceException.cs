namespace Lavka.Sidecar.Resources;

/// <summary>A Dapr resource is wrong: the message names its file, the field and what is allowed.</summary>
/// <param name="message">One sentence for the user.</param>
public sealed class ResourceException(string message) : Exception(message);
