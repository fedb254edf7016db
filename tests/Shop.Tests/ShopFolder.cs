using System.Globalization;
using System.Text.RegularExpressions;
using Lavka.Testing;

namespace Lavka.Shop.Tests;

/// <summary>What a user has who has cloned the shop: dapr.yaml and components/, but with ports of its own; and a folder for data.</summary>
internal sealed partial class ShopFolder : IDisposable
{
    private readonly TempFolder _folder = new();

    public ShopFolder()
    {
        RunFile = _folder.Write("dapr.yaml", PortField().Replace(File.ReadAllText(Path.Combine(Repository.Root, "dapr.yaml")), match => $"{match.Groups[1].Value}: {Ports.Free().ToString(CultureInfo.InvariantCulture)}")
            .Replace("services/", Path.Combine(Repository.Root, "services") + "/", StringComparison.Ordinal));
        foreach (var file in Directory.GetFiles(Path.Combine(Repository.Root, "components", "local")).Append(Path.Combine(Repository.Root, "components", "secrets.json")))
        {
            _folder.Write(Path.GetRelativePath(Repository.Root, file), File.ReadAllText(file));
        }
    }

    public string RunFile { get; }

    public string ComponentsPath => Path.Combine(_folder.Path, "components", "local");

    public string DataPath => Path.Combine(_folder.Path, "data");

    /// <summary>Copies a file of a folder of components/ over the one of the same name in components/local/, as components/README.md says, and writes the server's address into it.</summary>
    public void Take(string component, string address, string ownAddress)
    {
        var yaml = File.ReadAllText(Path.Combine(Repository.Root, "components", component));
        Assert.Contains(address, yaml, StringComparison.Ordinal);
        _folder.Write($"components/local/{Path.GetFileName(component)}", yaml.Replace(address, ownAddress, StringComparison.Ordinal));
    }

    /// <summary>The Gateway's address.</summary>
    public Uri Gateway => new($"http://127.0.0.1:{Run.RunFile.Load(RunFile).Single(app => app.AppId == "gateway").AppPort}");

    /// <summary>Gives one app resources of its own: as the others', but with another address of the broker.</summary>
    public void Divert(string appId, string address, string ownAddress)
    {
        foreach (var file in Directory.GetFiles(ComponentsPath))
        {
            _folder.Write($"components-{appId}/{Path.GetFileName(file)}", File.ReadAllText(file).Replace(address, ownAddress, StringComparison.Ordinal));
        }

        var yaml = File.ReadAllText(RunFile);
        Assert.Contains($"- appID: {appId}\n", yaml, StringComparison.Ordinal);
        File.WriteAllText(RunFile, yaml.Replace($"- appID: {appId}\n", $"- appID: {appId}\n  resourcesPath: ./components-{appId}\n", StringComparison.Ordinal));
    }

    /// <summary>The runner on it, as a user starts it.</summary>
    public RunnerProcess Start(params string[] arguments) => new([typeof(Run.RunFile).Assembly.Location, "--run-file", RunFile, "--data", DataPath, .. arguments]);

    public void Dispose() => _folder.Dispose();

    [GeneratedRegex("(appPort|daprHTTPPort): [0-9]+")]
    private static partial Regex PortField();
}
