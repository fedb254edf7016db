namespace Dapr;

/// <summary>A Dapr operation failed.</summary>
public class DaprException : Exception
{
    /// <summary>Makes one from a message.</summary>
    public DaprException(string message)
        : base(message)
    {
    }

    /// <summary>Makes one from a message and what caused it.</summary>
    public DaprException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
