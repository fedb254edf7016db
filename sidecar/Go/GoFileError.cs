namespace Lavka.Sidecar.Go;

/// <summary>Why something could not be done with a file, in Go's words: <c>open /data/a: no such file or directory</c>.</summary>
internal static class GoFileError
{
    /// <param name="operation">Go's name of what was tried: open, read, mkdir, remove, stat.</param>
    /// <param name="path">The file.</param>
    /// <param name="e">What .NET says.</param>
    public static string Of(string operation, string path, Exception e) => $"{operation} {path}: {Reason(path, e)}";

    /// <summary>Whether an exception is about a file.</summary>
    public static bool Is(Exception e) => e is IOException or UnauthorizedAccessException;

    private static string Reason(string path, Exception e) => e switch
    {
        FileNotFoundException or DirectoryNotFoundException => IsBelowFile(path) ? "not a directory" : "no such file or directory",
        UnauthorizedAccessException => Directory.Exists(path) ? "is a directory" : "permission denied",
        PathTooLongException => "file name too long",
        _ when IsBelowFile(path) || e.Message.Contains("already exists", StringComparison.Ordinal) => "not a directory",
        _ => e.Message is [var first, .. var rest] ? char.ToLowerInvariant(first) + rest.Split(" : '")[0] : "input/output error",
    };

    private static bool IsBelowFile(string path)
    {
        for (var parent = Path.GetDirectoryName(path); parent is not null; parent = Path.GetDirectoryName(parent))
        {
            if (File.Exists(parent))
            {
                return true;
            }
        }

        return false;
    }
}
