namespace Dapr.Actors;

/// <summary>An actor's method failed.</summary>
public class ActorMethodInvocationException : DaprApiException
{
    /// <summary>Makes one.</summary>
    /// <param name="message">What happened.</param>
    /// <param name="innerException">What caused it.</param>
    /// <param name="isTransient">Whether to try again may help.</param>
    public ActorMethodInvocationException(string message, Exception innerException, bool isTransient)
        : base(message, innerException, "ERR_ACTOR_INVOKE_METHOD", isTransient)
    {
    }
}
