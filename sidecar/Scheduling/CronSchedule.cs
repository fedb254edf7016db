using System.Globalization;
using Lavka.Sidecar.Go;
using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.Scheduling;

/// <summary>
/// A cron expression as Dapr takes it (Dapr: reference/components-reference/supported-bindings/cron, reference/api/jobs_api): seconds, minutes, hours, day of
/// month, month, day of week; or <c>@every 5s</c>, <c>@hourly</c> and the like; <c>CRON_TZ=Europe/Paris</c> in front for a time zone, else UTC.
/// </summary>
internal sealed class CronSchedule
{
    private static readonly string[] Months = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
    private static readonly string[] Days = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

    private readonly TimeZoneInfo _zone;
    private readonly TimeSpan _every;
    private readonly ulong _seconds, _minutes, _hours, _days, _months, _weekdays;
    private readonly bool _anyDay, _anyWeekday;

    private CronSchedule(TimeSpan every) => (_every, _zone) = (every, TimeZoneInfo.Utc);

    private CronSchedule(string[] fields, TimeZoneInfo zone)
    {
        _zone = zone;
        _seconds = Field(fields[0], 0, 59, []);
        _minutes = Field(fields[1], 0, 59, []);
        _hours = Field(fields[2], 0, 23, []);
        _days = Field(fields[3], 1, 31, []);
        _months = Field(fields[4], 1, 12, Months);
        _weekdays = Field(fields[5], 0, 6, Days);
        _anyDay = fields[3][0] is '*' or '?';
        _anyWeekday = fields[5][0] is '*' or '?';
    }

    /// <param name="text">The expression.</param>
    /// <param name="secondsRequired">Jobs have six fields always; the cron binding takes five as well, then on the full minute.</param>
    /// <exception cref="FormatException">It is none; the message says what is wrong.</exception>
    public static CronSchedule Parse(string text, bool secondsRequired = true)
    {
        if (text.Length == 0)
        {
            throw new FormatException("empty spec string");
        }

        var expression = text.Trim();
        var zone = TimeZoneInfo.Utc;
        if (expression.StartsWith("TZ=", StringComparison.Ordinal) || expression.StartsWith("CRON_TZ=", StringComparison.Ordinal))
        {
            var space = expression.IndexOf(' ', StringComparison.Ordinal);
            var name = expression[(expression.IndexOf('=', StringComparison.Ordinal) + 1)..(space < 0 ? expression.Length : space)];
            zone = TimeZoneInfo.TryFindSystemTimeZoneById(name, out var found) ? found : throw new FormatException($"provided bad location {name}");
            expression = space < 0 ? "" : expression[(space + 1)..].Trim();
        }

        if (expression.StartsWith('@'))
        {
            if (expression.StartsWith("@every ", StringComparison.Ordinal))
            {
                return Durations.TryParseGo(expression[7..].Trim(), out var every) && every > TimeSpan.Zero
                    ? new(every)
                    : throw new FormatException($"failed to parse duration {expression}: time: invalid duration {GoText.Quote(expression[7..])}");
            }

            expression = expression switch
            {
                "@yearly" or "@annually" => "0 0 0 1 1 *",
                "@monthly" => "0 0 0 1 * *",
                "@weekly" => "0 0 0 * * 0",
                "@daily" or "@midnight" => "0 0 0 * * *",
                "@hourly" => "0 0 * * * *",
                _ => throw new FormatException($"unrecognized descriptor: {expression}"),
            };
        }

        var fields = expression.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (fields.Length == 5 && !secondsRequired)
        {
            fields = ["0", .. fields];
        }

        return fields.Length == 6 ? new(fields, zone) : throw new FormatException($"expected exactly 6 fields, found {fields.Length}: [{string.Join(' ', fields)}]");
    }

    /// <summary>The first time after this one; null: never, as for a 30th of February.</summary>
    public DateTimeOffset? Next(DateTimeOffset after)
    {
        if (_every > TimeSpan.Zero)
        {
            return after + _every;
        }

        var local = TimeZoneInfo.ConvertTime(after, _zone).DateTime;
        local = new DateTime(local.Year, local.Month, local.Day, local.Hour, local.Minute, local.Second).AddSeconds(1);
        for (var last = local.AddYears(5); local < last;)
        {
            if (!Has(_months, local.Month))
            {
                local = new DateTime(local.Year, local.Month, 1).AddMonths(1);
            }
            else if (!DayMatches(local))
            {
                local = local.Date.AddDays(1);
            }
            else if (!Has(_hours, local.Hour))
            {
                local = local.Date.AddHours(local.Hour + 1);
            }
            else if (!Has(_minutes, local.Minute))
            {
                local = local.Date.AddHours(local.Hour).AddMinutes(local.Minute + 1);
            }
            else if (!Has(_seconds, local.Second) || _zone.IsInvalidTime(local))
            {
                local = local.AddSeconds(1);
            }
            else
            {
                return new DateTimeOffset(local, _zone.GetUtcOffset(local));
            }
        }

        return null;
    }

    // Both the day of the month and of the week given: either will do.
    private bool DayMatches(DateTime day)
    {
        var (month, week) = (Has(_days, day.Day), Has(_weekdays, (int)day.DayOfWeek));
        return _anyDay || _anyWeekday ? month && week : month || week;
    }

    private static bool Has(ulong field, int value) => (field >> value & 1) == 1;

    private static ulong Field(string text, int least, int most, string[] names)
    {
        var bits = 0ul;
        foreach (var part in text.Split(','))
        {
            var (range, step) = part.Split('/') switch
            {
                [var all] => (all, 1),
                [var some, var by] when int.TryParse(by, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 => (some, number),
                _ => throw new FormatException($"failed to parse '{part}'"),
            };
            var (from, to) = range is "*" or "?" ? (least, most)
                : range.Split('-') is [var first, var second] ? (Value(first), Value(second))
                : (Value(range), part.Contains('/', StringComparison.Ordinal) ? most : Value(range));
            if (from < least || to > most || from > to)
            {
                throw new FormatException($"'{part}' is outside of {least}-{most}");
            }

            for (var value = from; value <= to; value += step)
            {
                bits |= 1ul << value;
            }
        }

        return bits;

        int Value(string one) => int.TryParse(one, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
            : Array.IndexOf(names, one.ToUpperInvariant()) is >= 0 and var index ? index + least
            : throw new FormatException($"failed to parse int from {one}");
    }
}
