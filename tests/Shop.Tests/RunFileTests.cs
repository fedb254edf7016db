using System.Text.RegularExpressions;
using System.Xml.Linq;
using Lavka.Contracts;
using Lavka.Run;
using Lavka.Testing;
using YamlDotNet.RepresentationModel;

namespace Lavka.Shop.Tests;

/// <summary>dapr.yaml is the one list of services; what repeats it must agree.</summary>
public sealed partial class RunFileTests
{
    private static readonly IReadOnlyList<AppSpec> Apps = RunFile.Load(Path.Combine(Repository.Root, "dapr.yaml"));

    [Fact]
    public void Every_service_folder_is_in_dapr_yaml_and_runs_its_own_program()
    {
        var folders = Directory.EnumerateFiles(Path.Combine(Repository.Root, "services"), "*.csproj", SearchOption.AllDirectories)
            .Where(project => !project.Contains($"{Path.DirectorySeparatorChar}Shared{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
            .Select(project => (Directory: Path.GetDirectoryName(project)!, Program: $"bin/{AssemblyOf(project)}.dll"))
            .Concat(Directory.EnumerateDirectories(Path.Combine(Repository.Root, "services")).Where(folder => File.Exists(Path.Combine(folder, "package.json")))
                .Select(folder => (Directory: folder, Program: "index.js")));

        Assert.Equal(folders.Order(), Apps.Select(app => (app.Directory, Program: app.Command[^1])).Order());
    }

    [Fact]
    public void A_service_knows_itself_by_its_app_id()
    {
        foreach (var app in Apps.Where(app => app.Command[0] == "dotnet" && app.AppId != "gateway"))
        {
            var name = Resolve(Assert.Single(OwnName().Matches(File.ReadAllText(Path.Combine(app.Directory, "Program.cs")))).Groups[1].Value);

            Assert.Equal(app.AppId, name);
        }
    }

    [Fact]
    public void Whoever_is_called_is_in_dapr_yaml()
    {
        var called = Directory.EnumerateFiles(Path.Combine(Repository.Root, "services"), "*.cs", SearchOption.AllDirectories)
            .SelectMany(file => Call().Matches(File.ReadAllText(file))).Select(match => Resolve(match.Groups[1].Value)).OfType<string>().ToHashSet();

        Assert.Superset(new HashSet<string> { "users", "orders", "payments", "dashboard", "loyalty" }, called);
        Assert.Subset(Apps.Select(app => app.AppId).ToHashSet(), called);
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

    private static string AssemblyOf(string project) => XDocument.Load(project).Descendants("AssemblyName").Select(name => name.Value).SingleOrDefault() ?? Path.GetFileNameWithoutExtension(project);

    /// <summary>The app id that an expression of the code stands for; null: it is only known when the code runs.</summary>
    private static string? Resolve(string expression) => expression switch
    {
        ['"', .. var text, '"'] => text,
        _ when expression.StartsWith("Topics.", StringComparison.Ordinal) => (string?)typeof(Topics).GetField(expression["Topics.".Length..])!.GetRawConstantValue(),
        _ => (string?)typeof(Gateway.V2).GetField(expression.Replace("V2.", "", StringComparison.Ordinal))?.GetRawConstantValue(),
    };

    [GeneratedRegex(@"AddServiceDefaults\(([^)]+)\)")]
    private static partial Regex OwnName();

    [GeneratedRegex(@"(?:\bv[12]\.Forward\((?:""[^""]*"", )+|peers\.(?:Get<[^(]*>|Send)\()([\w.]+|""[^""]+"")")]
    private static partial Regex Call();
}
