using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml;

namespace Lavka.Sidecar.Resources;

/// <summary>The ways Dapr writes a length of time.</summary>
internal static partial class Durations
{
    // Go's longest duration is 292 years; so far from now there is still a date.
    private static readonly TimeSpan Longest = TimeSpan.FromDays(292 * 365);

    /// <summary>Go's notation: <c>1h30m</c>, <c>1.5s</c>, <c>300ms</c>, <c>-5s</c>, <c>0</c>.</summary>
    public static bool TryParseGo(string text, out TimeSpan duration)
    {
        duration = default;
        if (text is "0" or "+0" or "-0")
        {
            return true;
        }

        if (!GoDuration().IsMatch(text))
        {
            return false;
        }

        var ticks = 0.0;
        foreach (Match part in GoPart().Matches(text))
        {
            ticks += double.Parse(part.Groups[1].Value, CultureInfo.InvariantCulture) * part.Groups[2].Value switch
            {
                "h" => TimeSpan.TicksPerHour,
                "m" => TimeSpan.TicksPerMinute,
                "s" => TimeSpan.TicksPerSecond,
                "ms" => TimeSpan.TicksPerMillisecond,
                "ns" => 0.01,
                _ => TimeSpan.TicksPerMicrosecond,
            };
        }

        if (Math.Abs(ticks) > Longest.Ticks)
        {
            return false;
        }

        duration = new TimeSpan((long)(text[0] == '-' ? -ticks : ticks));
        return true;
    }

    /// <summary>Go's notation, or a number of milliseconds, as in resiliency policies.</summary>
    public static bool TryParseGoOrMilliseconds(string text, out TimeSpan duration)
    {
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var milliseconds))
        {
            duration = TimeSpan.FromMilliseconds(Math.Clamp(milliseconds, -Longest.TotalMilliseconds, Longest.TotalMilliseconds));
            return true;
        }

        return TryParseGo(text, out duration);
    }

    /// <summary>
    /// What actor timers and reminders take (Dapr: reference/api/actors_api): ISO 8601, with <c>Rn/</c> in front for n firings, Go's
    /// notation, or <c>@every</c> and Go's notation. <paramref name="repetitions"/> is null without <c>Rn/</c>.
    /// </summary>
    public static bool TryParsePeriod(string text, out TimeSpan period, out int? repetitions)
    {
        repetitions = null;
        if (text.StartsWith('R'))
        {
            // Repetitions go with ISO 8601 alone; without a duration they follow each other at once.
            var parts = text.Split('/');
            period = default;
            if (parts.Length > 2 || !int.TryParse(parts[0].AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out var count))
            {
                return false;
            }

            repetitions = count;
            return parts.Length == 1 || (parts[1].StartsWith('P') && TryParseIso(parts[1], out period));
        }

        if (text.StartsWith('P'))
        {
            return TryParseIso(text, out period);
        }

        return TryParseGo(text.StartsWith("@every ", StringComparison.Ordinal) ? text[7..] : text, out period);
    }

    /// <summary>A moment: RFC 3339, or any duration from now.</summary>
    public static bool TryParseMoment(string text, DateTimeOffset now, out DateTimeOffset moment)
    {
        if (TryParsePeriod(text, out var duration, out var repetitions) && repetitions is null)
        {
            moment = now + duration;
            return true;
        }

        return DateTimeOffset.TryParseExact(text, ["yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd'T'HH:mm:ssK"],
            CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out moment);
    }

    /// <summary>As Go prints a duration: <c>1h0m0s</c>, <c>1.5s</c>, <c>300ms</c>.</summary>
    public static string ToGo(TimeSpan duration)
    {
        if (duration == TimeSpan.Zero)
        {
            return "0s";
        }

        if (duration < TimeSpan.FromSeconds(1))
        {
            return string.Create(CultureInfo.InvariantCulture, $"{duration.TotalMilliseconds:0.####}ms");
        }

        var seconds = string.Create(CultureInfo.InvariantCulture, $"{(duration.Ticks % TimeSpan.TicksPerMinute) / (double)TimeSpan.TicksPerSecond:0.#######}s");
        var hours = (long)duration.TotalHours;
        return hours > 0 ? $"{hours}h{duration.Minutes}m{seconds}" : duration.Minutes > 0 ? $"{duration.Minutes}m{seconds}" : seconds;
    }

    private static bool TryParseIso(string text, out TimeSpan duration)
    {
        if (text.Contains('.', StringComparison.Ordinal))
        {
            // Dapr has no fractions here.
            duration = default;
            return false;
        }

        try
        {
            var weeks = IsoWeeks().Match(text);
            duration = weeks.Success
                ? TimeSpan.FromDays(7 * int.Parse(weeks.Groups[1].Value, CultureInfo.InvariantCulture))
                : XmlConvert.ToTimeSpan(text);
            return duration.Duration() <= Longest;
        }
        catch (Exception e) when (e is FormatException or OverflowException)
        {
            duration = default;
            return false;
        }
    }

    [GeneratedRegex(@"^[+-]?(\d+(\.\d*)?|\.\d+)(h|ms|m|s|us|µs|ns)((\d+(\.\d*)?|\.\d+)(h|ms|m|s|us|µs|ns))*$")]
    private static partial Regex GoDuration();

    [GeneratedRegex(@"(\d+\.?\d*|\.\d+)(h|ms|m|s|us|µs|ns)")]
    private static partial Regex GoPart();

    [GeneratedRegex(@"^P(\d+)W$")]
    private static partial Regex IsoWeeks();
}
