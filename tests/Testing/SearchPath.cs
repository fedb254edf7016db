namespace Lavka.Testing;

/// <summary>The programs that can be run by their name.</summary>
internal static class SearchPath
{
    public static bool Has(string program) => Find(program) is not null;

    /// <summary>Where the program is; null: nowhere.</summary>
    public static string? Find(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);
}
