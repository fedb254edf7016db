using System.Globalization;

namespace Lavka.Sidecar.Resiliency;

/// <summary>When and how often to try again (Dapr: operations/resiliency/policies/retries).</summary>
/// <param name="Exponential">Growing pauses, or constant ones.</param>
/// <param name="Duration">The constant pause.</param>
/// <param name="MaxInterval">The longest of the growing pauses.</param>
/// <param name="MaxRetries">How many more tries after the first; negative: without end.</param>
/// <param name="StatusCodes">The HTTP status codes to retry; null: every failure.</param>
/// <param name="GrpcStatusCodes">The gRPC status codes to retry; null: every failure.</param>
internal sealed record RetrySpec(
    bool Exponential, TimeSpan Duration, TimeSpan MaxInterval, int MaxRetries, IReadOnlyList<(int From, int To)>? StatusCodes, IReadOnlyList<(int From, int To)>? GrpcStatusCodes = null)
{
    private const int LargestGrpcCode = 16;

    private static readonly TimeSpan InitialInterval = TimeSpan.FromMilliseconds(500);

    // Exponential retries end after this, in daprd as in the library it uses; a broker then delivers again.
    private static readonly TimeSpan MaxElapsed = TimeSpan.FromMinutes(15);

    /// <summary>Whether a failure is one to try again; null is one without a status code. HTTP's codes and gRPC's have no number in common.</summary>
    public bool Matches(int? statusCode) => statusCode is null
        || (statusCode <= LargestGrpcCode ? GrpcStatusCodes : StatusCodes) is not { } ranges || ranges.Any(range => statusCode >= range.From && statusCode <= range.To);

    /// <summary>The pause before retry number <paramref name="retry"/> (from 1), or null to give up.</summary>
    public TimeSpan? Pause(int retry, TimeSpan elapsed)
    {
        if (MaxRetries >= 0 && retry > MaxRetries)
        {
            return null;
        }

        if (!Exponential)
        {
            return Duration;
        }

        if (elapsed > MaxElapsed)
        {
            return null;
        }

        var interval = Math.Min(InitialInterval.TotalMilliseconds * Math.Pow(1.5, Math.Min(retry - 1, 60)), MaxInterval.TotalMilliseconds);
        return TimeSpan.FromMilliseconds(interval * (0.5 + Random.Shared.NextDouble()));
    }

    /// <summary>Reads HTTP status codes such as <c>429,500-599</c>.</summary>
    /// <exception cref="FormatException">It is not such a list.</exception>
    public static IReadOnlyList<(int From, int To)>? ParseStatusCodes(string? text) => ParseCodes(text, "HTTP", 100, 599, "429 or 500-599");

    /// <summary>Reads gRPC status codes such as <c>4,8-14</c>.</summary>
    /// <exception cref="FormatException">It is not such a list.</exception>
    public static IReadOnlyList<(int From, int To)>? ParseGrpcStatusCodes(string? text) => ParseCodes(text, "gRPC", 0, LargestGrpcCode, "4 or 8-14");

    private static IReadOnlyList<(int From, int To)>? ParseCodes(string? text, string kind, int least, int most, string example)
    {
        if (string.IsNullOrEmpty(text))
        {
            return null;
        }

        return [.. text.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(part =>
        {
            var ends = part.Split('-');
            return ends.Length <= 2 && int.TryParse(ends[0], NumberStyles.None, CultureInfo.InvariantCulture, out var from) && int.TryParse(ends[^1], NumberStyles.None, CultureInfo.InvariantCulture, out var to) && from >= least && to >= from && to <= most
                ? (from, to)
                : throw new FormatException($"'{part}' is no {kind} status code or range of them, such as {example}");
        })];
    }
}
