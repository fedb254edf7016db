namespace Dapr;

/// <summary>Dapr's API answered an error: its code and message (Dapr: reference/errors).</summary>
public class DaprApiException : DaprException
{
    /// <summary>Makes one from the API's answer.</summary>
    /// <param name="message">Dapr's message.</param>
    /// <param name="errorCode">Dapr's code, for example <c>ERR_STATE_SAVE</c>.</param>
    /// <param name="isTransient">Whether to try again may help.</param>
    public DaprApiException(string message, string errorCode, bool isTransient)
        : base(message)
    {
        ErrorCode = errorCode;
        IsTransient = isTransient;
    }

    /// <summary>Makes one from the API's answer and what caused it.</summary>
    /// <inheritdoc cref="DaprApiException(string, string, bool)"/>
    /// <param name="message">Dapr's message.</param>
    /// <param name="inner">What caused it.</param>
    /// <param name="errorCode">Dapr's code.</param>
    /// <param name="isTransient">Whether to try again may help.</param>
    public DaprApiException(string message, Exception inner, string errorCode, bool isTransient)
        : base(message, inner)
    {
        ErrorCode = errorCode;
        IsTransient = isTransient;
    }

    /// <summary>Dapr's error code; <c>UNKNOWN</c> if it gave none.</summary>
    public string ErrorCode { get; }

    /// <summary>Whether to try again may help.</summary>
    public bool IsTransient { get; }
}
