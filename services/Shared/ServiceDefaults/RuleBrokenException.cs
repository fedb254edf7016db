namespace Lavka.ServiceDefaults;

/// <summary>An event asks for what can never be; it goes to the dead-letter topic and does not come again.</summary>
public sealed class RuleBrokenException(string message) : Exception(message);
