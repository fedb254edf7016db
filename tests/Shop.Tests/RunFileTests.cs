using Lavka.Run;
using Lavka.Testing;
using YamlDotNet.RepresentationModel;

namespace Lavka.Shop.Tests;

/// <summary>dapr.yaml is the one list of services; what repeats it must agree.</summary>
public sealed class RunFileTests
{
    private static readonly IReadOnlyList<AppSpec> Apps = RunFile.Load(Path.Combine(Repository.Root, "dapr.yaml"));

    [Fact]
    public void Every_service_folder_is_in_dapr_yaml_and_runs_its_own_program()
    {
        var folders = Directory.EnumerateFiles(Path.Combine(Repository.Root, "services"), "*.csproj", SearchOption.AllDirectories)
            .Where(project => !project.Contains($"{Path.DirectorySeparatorChar}Shared{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
            .Select(project => (Directory: Path.GetDirectoryName(project)!, Program: $"bin/{Path.GetFileNameWithoutExtension(project)}.dll"))
            .Concat(Directory.EnumerateDirectories(Path.Combine(Repository.Root, "services")).Where(folder => File.Exists(Path.Combine(folder, "package.json")))
                .Select(folder => (Directory: folder, Program: "index.js")));

        Assert.Equal(folders.Order(), Apps.Select(app => (app.Directory, Program: app.Command[^1])).Order());
    }

    [Fact]
    public void Ports_are_those_of_the_design()
    {
        string[] order = ["users", "catalog", "inventory", "orders", "payments", "shipping", "notifications", "dashboard", "loyalty"];
        var expected = order.Select((appId, i) => (appId, AppPort: (int?)(5101 + i), HttpPort: 3501 + i)).Append(("gateway", 8080, 3500));

        Assert.Equal(expected.Order(), Apps.Select(app => (app.AppId, app.AppPort, app.HttpPort)).Order());
    }

    [Fact]
    public void Tye_yaml_is_in_step()
    {
        var yaml = new YamlStream();
        yaml.Load(new StringReader(File.ReadAllText(Path.Combine(Repository.Root, "tye.yaml"))));
        var services = ((YamlSequenceNode)yaml.Documents[0].RootNode["services"]).Select(service => (
            Name: (string)service["name"]!, Directory: Path.GetDirectoryName(Path.Combine(Repository.Root, (string)service["project"]!))!, Port: (int?)int.Parse((string)service["bindings"][0]["port"]!, System.Globalization.CultureInfo.InvariantCulture)));

        // Tye's Dapr extension gives sidecars to .NET projects alone.
        var projects = Apps.Where(app => app.Command[0] == "dotnet");
        Assert.Equal(projects.Select(app => (Name: app.AppId, app.Directory, Port: app.AppPort)).Order(), services.Order());
    }
}
