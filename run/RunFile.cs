using System.Globalization;
using Lavka.Sidecar;
using YamlDotNet.Core;
using YamlDotNet.Serialization;
using YamlDotNet.Serialization.NamingConventions;

namespace Lavka.Run;

/// <summary>An app of the run file, with what is common to all filled in. Paths are absolute.</summary>
public sealed record AppSpec(
    string AppId, string Directory, int? AppPort, int HttpPort, int GrpcPort, IReadOnlyList<string> Command, IReadOnlyList<string> ResourcesPaths, IReadOnlyList<string> ConfigPaths,
    IReadOnlyDictionary<string, string> Environment)
{
    /// <summary>Which instance of the app this is, from 1.</summary>
    public int Instance { get; init; } = 1;

    /// <summary>What the app speaks.</summary>
    public AppProtocol AppProtocol { get; init; }

    /// <summary>Whether there are other instances.</summary>
    public bool IsScaled { get; init; }

    /// <summary>What the run file says of a variable, or else the runner's own environment.</summary>
    public string? Variable(string name) => Environment.GetValueOrDefault(name) ?? System.Environment.GetEnvironmentVariable(name);

    /// <summary>What the instance is called where instances are told apart: <c>orders</c>, <c>orders-2</c>.</summary>
    public string Name => Instance == 1 ? AppId : string.Create(CultureInfo.InvariantCulture, $"{AppId}-{Instance}");
}

/// <summary>Reads the Dapr CLI's multi-app run file (Dapr: developing-applications/local-development/multi-app-dapr-run).</summary>
public static class RunFile
{
    /// <exception cref="RunException">The file is missing or wrong; the message says where and what is allowed.</exception>
    public static IReadOnlyList<AppSpec> Load(string path)
    {
        if (!File.Exists(path))
        {
            throw new RunException($"The run file '{path}' does not exist; start in the folder of dapr.yaml, or name it with --run-file.");
        }

        Document document;
        try
        {
            document = new DeserializerBuilder().WithNamingConvention(CamelCaseNamingConvention.Instance).IgnoreUnmatchedProperties().Build()
                .Deserialize<Document>(File.ReadAllText(path)) ?? new();
        }
        catch (YamlException e)
        {
            throw new RunException($"{path}, line {e.Start.Line}: {(e.InnerException ?? e).Message}");
        }

        if (document.Version != 1)
        {
            throw new RunException($"{path}: the version is {document.Version}; allowed is 1.");
        }

        if (document.Apps.Count == 0)
        {
            throw new RunException($"{path}: there are no apps.");
        }

        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var port = 3500;
        FreePorts.Keep(document.Apps.SelectMany(app => new[] { app.AppPort, app.DaprHTTPPort, app.DaprGRPCPort }).OfType<int>());
        var apps = document.Apps.Select(app => Read(path, folder, app, document.Common ?? new(), ref port)).ToList();
        CheckPorts(path, apps);
        return apps;
    }

    private static AppSpec Read(string path, string folder, App app, Settings common, ref int port)
    {
        if (string.IsNullOrEmpty(app.AppDirPath))
        {
            throw new RunException($"{path}: an app has no appDirPath.");
        }

        var directory = Path.GetFullPath(app.AppDirPath, folder);
        var appId = app.AppID ?? Path.GetFileName(directory);
        if (!Directory.Exists(directory))
        {
            throw new RunException($"{path}: the appDirPath '{app.AppDirPath}' of '{appId}' does not exist.");
        }

        if (app.Command.Count == 0)
        {
            throw new RunException($"{path}: '{appId}' has no command.");
        }

        var environment = new Dictionary<string, string>(common.Env);
        foreach (var (name, value) in app.Env)
        {
            environment[name] = value;
        }

        var resources = Paths(app) is { Count: > 0 } own ? own : Paths(common);
        var config = app.ConfigFilePath ?? common.ConfigFilePath;
        return new(appId, directory, app.AppPort ?? common.AppPort, app.DaprHTTPPort ?? port++, app.DaprGRPCPort ?? FreePorts.Next(), app.Command,
            [.. resources.Select(resource => Existing(Path.GetFullPath(resource, folder), path, appId))], config is null ? [] : [Path.GetFullPath(config, folder)], environment)
        {
            AppProtocol = AppProtocols.Parse(app.AppProtocol ?? "")
                ?? throw new RunException($"{path}: the appProtocol of '{appId}' is '{app.AppProtocol}'; allowed are {AppProtocols.Allowed}."),
        };
    }

    private static List<string> Paths(Settings settings) => [.. settings.ResourcesPaths, .. settings.ResourcesPath is null ? [] : new[] { settings.ResourcesPath }];

    private static string Existing(string folder, string path, string appId) =>
        Directory.Exists(folder) ? folder : throw new RunException($"{path}: the resourcesPath '{folder}' of '{appId}' does not exist.");

    private static void CheckPorts(string path, List<AppSpec> apps)
    {
        var ports = apps.SelectMany(app => new[] { (app.AppId, Port: app.AppPort), (app.AppId, Port: (int?)app.HttpPort), (app.AppId, Port: (int?)app.GrpcPort) }).Where(pair => pair.Port is not null);
        if (ports.GroupBy(pair => pair.Port).FirstOrDefault(same => same.Count() > 1) is { } twice)
        {
            throw new RunException($"{path}: the port {twice.Key?.ToString(CultureInfo.InvariantCulture)} is given to {string.Join(" and ", twice.Select(pair => pair.AppId))}.");
        }

        if (apps.GroupBy(app => app.AppId).FirstOrDefault(same => same.Count() > 1) is { } name)
        {
            throw new RunException($"{path}: there are {name.Count()} apps with the appID '{name.Key}'.");
        }
    }

    private sealed class Document
    {
        public int Version { get; set; } = 1;

        public Settings? Common { get; set; }

        public List<App> Apps { get; set; } = [];
    }

    private class Settings
    {
        public string? ResourcesPath { get; set; }

        public List<string> ResourcesPaths { get; set; } = [];

        public string? ConfigFilePath { get; set; }

        public int? AppPort { get; set; }

        public Dictionary<string, string> Env { get; set; } = [];
    }

    private sealed class App : Settings
    {
        [YamlMember(Alias = "appID", ApplyNamingConventions = false)]
        public string? AppID { get; set; }

        public string? AppDirPath { get; set; }

        [YamlMember(Alias = "daprHTTPPort", ApplyNamingConventions = false)]
        public int? DaprHTTPPort { get; set; }

        [YamlMember(Alias = "daprGRPCPort", ApplyNamingConventions = false)]
        public int? DaprGRPCPort { get; set; }

        public string? AppProtocol { get; set; }

        public List<string> Command { get; set; } = [];
    }
}
