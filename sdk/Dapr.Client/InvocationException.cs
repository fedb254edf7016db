namespace Dapr.Client;

/// <summary>An invoked method answered an error, or could not be reached.</summary>
public class InvocationException : DaprException
{
    /// <summary>Makes one.</summary>
    /// <param name="appId">The invoked app.</param>
    /// <param name="methodName">The invoked method.</param>
    /// <param name="innerException">What happened.</param>
    /// <param name="response">The answer, if there was one.</param>
    public InvocationException(string appId, string methodName, Exception? innerException, HttpResponseMessage? response)
        : base($"An exception occurred while invoking method: '{methodName}' on app-id: '{appId}'", innerException)
    {
        AppId = appId;
        MethodName = methodName;
        Response = response;
    }

    /// <summary>The invoked app.</summary>
    public string AppId { get; }

    /// <summary>The invoked method.</summary>
    public string MethodName { get; }

    /// <summary>The answer, if there was one.</summary>
    public HttpResponseMessage? Response { get; }
}
