namespace Lavka.Testing;

/// <summary>The programs that can be run by their name.</summary>
internal static class SearchPath
{
    public static bool Has(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, program)));
}
