namespace Lavka.Sidecar.PubSub.Delivery;

/// <summary>What is said of an event (Dapr: reference/api/pubsub_api, "Expected HTTP response").</summary>
internal enum DeliveryAnswer
{
    Success,
    Retry,
    Drop,

    /// <summary>A gRPC app does not know the call: the event ends as if it had been taken, without a dead letter.</summary>
    Unimplemented,
}

internal static class DeliveryAnswers
{
    /// <summary>The <c>status</c> of an HTTP app's answer; an unknown one is retried.</summary>
    public static DeliveryAnswer Read(string? status) => status switch
    {
        null or "" or "SUCCESS" => DeliveryAnswer.Success,
        "DROP" => DeliveryAnswer.Drop,
        _ => DeliveryAnswer.Retry,
    };
}
