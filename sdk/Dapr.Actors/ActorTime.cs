using System.Globalization;

namespace Dapr.Actors;

/// <summary>Durations as the .NET SDK writes them: <c>0h1m30s500ms</c>.</summary>
internal static class ActorTime
{
    public static string Format(TimeSpan time) =>
        string.Create(CultureInfo.InvariantCulture, $"{(time.Days * 24) + time.Hours}h{time.Minutes}m{time.Seconds}s{time.Milliseconds}ms");

    public static TimeSpan Parse(string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            return TimeSpan.Zero;
        }

        // "ms" before "m", so that the one is not taken for the other.
        var (total, number) = (TimeSpan.Zero, "");
        for (var i = text.StartsWith("@every ", StringComparison.Ordinal) ? 7 : 0; i < text.Length; i++)
        {
            if (char.IsAsciiDigit(text[i]) || text[i] == '.')
            {
                number += text[i];
                continue;
            }

            var value = double.Parse(number, CultureInfo.InvariantCulture);
            var isMilliseconds = text[i] == 'm' && i + 1 < text.Length && text[i + 1] == 's';
            total += text[i] switch
            {
                'h' => TimeSpan.FromHours(value),
                'm' when isMilliseconds => TimeSpan.FromMilliseconds(value),
                'm' => TimeSpan.FromMinutes(value),
                's' => TimeSpan.FromSeconds(value),
                _ => throw new FormatException($"'{text}' is no duration"),
            };
            i += isMilliseconds ? 1 : 0;
            number = "";
        }

        return total;
    }
}
