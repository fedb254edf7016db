namespace Lavka.Sidecar.Cel;

/// <summary>A CEL expression does not parse, or cannot be evaluated over this input (an unknown field, two types that do not compare).</summary>
internal sealed class CelException(string message) : Exception(message);
