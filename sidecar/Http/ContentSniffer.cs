using System.Text;

namespace Lavka.Sidecar.Http;

/// <summary>What a body without a content type is taken for (WHATWG: MIME Sniffing, the part that texts and common files need).</summary>
internal static class ContentSniffer
{
    /// <summary>How many bytes decide.</summary>
    public const int Length = 512;

    private static readonly string[] Html =
    [
        "<!DOCTYPE HTML", "<HTML", "<HEAD", "<SCRIPT", "<IFRAME", "<H1", "<DIV", "<FONT", "<TABLE", "<A", "<STYLE", "<TITLE", "<B", "<BODY", "<BR", "<P", "<!--",
    ];

    private static readonly (byte[] Start, string Type)[] Signatures =
    [
        ("%PDF-"u8.ToArray(), "application/pdf"), ("GIF87a"u8.ToArray(), "image/gif"), ("GIF89a"u8.ToArray(), "image/gif"), ([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A], "image/png"),
        ([0xFF, 0xD8, 0xFF], "image/jpeg"), ([0x1F, 0x8B, 0x08], "application/x-gzip"), ([0x50, 0x4B, 0x03, 0x04], "application/zip"), ([0xEF, 0xBB, 0xBF], "text/plain; charset=utf-8"),
    ];

    public static string TypeOf(ReadOnlySpan<byte> start)
    {
        var text = start.TrimStart("\t\n\f\r "u8);
        foreach (var tag in Html)
        {
            if (text.Length > tag.Length && Ascii.EqualsIgnoreCase(text[..tag.Length], tag) && (tag == "<!--" || text[tag.Length] is (byte)' ' or (byte)'>'))
            {
                return "text/html; charset=utf-8";
            }
        }

        if (text.StartsWith("<?xml"u8))
        {
            return "text/xml; charset=utf-8";
        }

        foreach (var (signature, type) in Signatures)
        {
            if (start.StartsWith(signature))
            {
                return type;
            }
        }

        // A control character makes it no text.
        foreach (var one in start)
        {
            if (one is <= 0x08 or 0x0B or (>= 0x0E and <= 0x1A) or (>= 0x1C and <= 0x1F))
            {
                return "application/octet-stream";
            }
        }

        return "text/plain; charset=utf-8";
    }
}
