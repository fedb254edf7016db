namespace Lavka.ServiceDefaults;

/// <summary>A request cannot be done, for a reason its sender can do something about. Nothing has been changed.</summary>
/// <param name="status">The HTTP status, 4xx or 503.</param>
/// <param name="detail">One sentence that names the thing and what to do.</param>
public sealed class RequestException(int status, string detail) : Exception(detail)
{
    /// <summary>The HTTP status.</summary>
    public int Status { get; } = status;

    /// <summary>When to ask again, as <c>Retry-After</c>; null: the answer says nothing of it.</summary>
    public TimeSpan? RetryAfter { get; private init; }

    /// <summary>Further members of the problem details.</summary>
    public IDictionary<string, object?> Extensions { get; } = new Dictionary<string, object?>();

    /// <summary>400: the request is wrong.</summary>
    public static RequestException Bad(string detail) => new(400, detail);

    /// <summary>404: there is no such thing.</summary>
    public static RequestException NotFound(string detail) => new(404, detail);

    /// <summary>401: nobody has signed in.</summary>
    public static RequestException Unauthorized(string detail) => new(401, detail);

    /// <summary>403: it is not for this caller.</summary>
    public static RequestException Forbidden(string detail) => new(403, detail);

    /// <summary>429: not so soon.</summary>
    /// <param name="retryAfter">When to ask again.</param>
    public static RequestException TooMany(string detail, TimeSpan retryAfter) => new(429, detail) { RetryAfter = retryAfter };

    /// <summary>409: it cannot be done as things are.</summary>
    public static RequestException Conflict(string detail) => new(409, detail);
}
