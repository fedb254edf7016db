using System.Security.Cryptography;

namespace Lavka.Run;

/// <summary>
/// Keeps the doors of apps and sidecars shut: the token that an app wants of its sidecar (Dapr: operations/security/app-api-token), one for all, and the one that each sidecar wants of its app
/// (Dapr: operations/security/api-token). What the environment or the run file says counts; where the run file has <c>GENERATE_API_TOKENS: "true"</c> in an app's <c>env</c>, the others are made
/// at each start. An app that asks its sidecar without Dapr's SDK, and does not send the token, would get nowhere with it: so nobody gets one who has not asked for it.
/// </summary>
internal sealed class ApiTokens
{
    /// <summary>The variable that says what the apps want.</summary>
    public const string OfApps = "APP_API_TOKEN";

    /// <summary>The variable that says what a sidecar wants.</summary>
    public const string OfSidecars = "DAPR_API_TOKEN";

    private const string Generate = "GENERATE_API_TOKENS";

    private readonly string _ofApps = New();
    private readonly Dictionary<string, string> _ofSidecars = [];

    private ApiTokens()
    {
    }

    /// <summary>Makes the tokens, and keeps those of the sidecars in the data folder, in a file each that only this user reads: for who wants to ask a sidecar.</summary>
    public static ApiTokens Make(IEnumerable<AppSpec> apps, string dataPath)
    {
        var tokens = new ApiTokens();
        foreach (var app in apps.Where(app => IsGenerated(app) && app.Variable(OfSidecars) is null).DistinctBy(app => app.AppId))
        {
            var token = tokens._ofSidecars[app.AppId] = New();
            var file = FileOf(app, dataPath);
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.Delete(file);
            var mode = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows())
            {
                mode.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            }

            using var writer = new StreamWriter(file, mode);
            writer.Write(token);
        }

        return tokens;
    }

    /// <summary>What the sidecar of a shop that runs wants; null: nothing.</summary>
    public static string? Find(AppSpec app, string dataPath) =>
        app.Variable(OfSidecars) ?? (IsGenerated(app) && File.Exists(FileOf(app, dataPath)) ? File.ReadAllText(FileOf(app, dataPath)) : null);

    /// <summary>What the app wants; null: nothing.</summary>
    public string? OfApp(AppSpec app) => app.Variable(OfApps) ?? (IsGenerated(app) ? _ofApps : null);

    /// <summary>What the app's sidecar wants; null: nothing.</summary>
    public string? OfSidecar(AppSpec app) => app.Variable(OfSidecars) ?? _ofSidecars.GetValueOrDefault(app.AppId);

    private static bool IsGenerated(AppSpec app) => app.Variable(Generate) is "true";

    private static string FileOf(AppSpec app, string dataPath) => Path.Combine(dataPath, "tokens", app.AppId);

    private static string New() => Convert.ToHexString(RandomNumberGenerator.GetBytes(32));
}
