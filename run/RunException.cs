namespace Lavka.Run;

/// <summary>The shop cannot start, or stay up: one clear sentence for the user.</summary>
public sealed class RunException(string message) : Exception(message);
