namespace Lavka.Sidecar.PubSub;

/// <summary>What an app says of an event (Dapr: reference/api/pubsub_api, "Expected HTTP response").</summary>
internal enum DeliveryAnswer { Success, Retry, Drop }

internal static class DeliveryAnswers
{
    /// <summary>The <c>status</c> of an answer; an unknown one is retried.</summary>
    public static DeliveryAnswer Read(string? status) => status switch
    {
        null or "" or "SUCCESS" => DeliveryAnswer.Success,
        "DROP" => DeliveryAnswer.Drop,
        _ => DeliveryAnswer.Retry,
    };
}
