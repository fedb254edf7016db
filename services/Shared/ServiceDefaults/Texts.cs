using System.Globalization;
using System.Text;

namespace Lavka.ServiceDefaults;

/// <summary>Texts that come from clients: of a length that every store, answer and page can bear, and of characters that can be seen.</summary>
public static class Texts
{
    /// <summary>A text as it is kept: without space around it. What is missing stays so.</summary>
    /// <param name="name">What the client calls it, for example <c>address.street</c>.</param>
    /// <param name="most">How many characters it may have.</param>
    /// <exception cref="RequestException">400: it is too long, or has characters that nobody sees.</exception>
    public static string? Checked(string name, string? text, int most)
    {
        var trimmed = text?.Trim();
        if (trimmed is null)
        {
            return null;
        }

        if (trimmed.Length > most)
        {
            throw RequestException.Bad($"The {name} has {trimmed.Length} characters; allowed are {most}.");
        }

        return Unseen(trimmed) is { } unseen
            ? throw RequestException.Bad(string.Create(CultureInfo.InvariantCulture, $"The {name} has a character that cannot be seen: U+{unseen:X4}."))
            : trimmed;
    }

    /// <inheritdoc cref="Checked"/>
    /// <exception cref="RequestException">400: it is missing or empty, too long, or has characters that nobody sees.</exception>
    public static string Required(string name, string? text, int most) => Checked(name, text, most) is { Length: > 0 } there
        ? there
        : throw RequestException.Bad($"The {name} is required, with at most {most} characters.");

    /// <summary>The first character that is none, or that changes others' look without one of its own, such as a turn of the direction; null: there is none. Line breaks are seen.</summary>
    public static int? Unseen(string text)
    {
        for (var i = 0; i < text.Length;)
        {
            // A half of a pair alone is no character.
            if (Rune.DecodeFromUtf16(text.AsSpan(i), out var character, out var length) != System.Buffers.OperationStatus.Done)
            {
                return text[i];
            }

            if (character.Value is not ('\n' or '\r' or '\t')
                && Rune.GetUnicodeCategory(character) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator)
            {
                return character.Value;
            }

            i += length;
        }

        return null;
    }
}
