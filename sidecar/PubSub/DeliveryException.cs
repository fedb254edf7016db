namespace Lavka.Sidecar.PubSub;

/// <summary>The app could not take a message; the broker is to deliver it again.</summary>
internal sealed class DeliveryException(string message) : Exception(message);
