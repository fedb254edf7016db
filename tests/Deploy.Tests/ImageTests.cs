using System.Diagnostics;
using System.Formats.Tar;
using System.Text.Json.Nodes;
using Lavka.Testing;

namespace Lavka.Deploy.Tests;

/// <summary>The images, as far as that goes without a Docker: what the Dockerfiles say is looked at, and done on this machine.</summary>
public sealed class ImageTests(OrdersBuild orders) : IClassFixture<OrdersBuild>
{
    private const string Loyalty = "services/Loyalty";

    private const string Shell = "It runs the commands of a Dockerfile, which are for Linux' shell.";

    public static TheoryData<string> Dockerfiles => [.. Dockerfile.All.Select(file => file.Path)];

    public static TheoryData<string> Folders => [.. ServiceCode.Apps.Select(app => app.Folder)];

    [NodeFact(Node.Folder)]
    public async Task A_Docker_takes_the_Dockerfiles()
    {
        Assert.Equal(2, Dockerfile.All.Count);
        foreach (var file in Dockerfile.All)
        {
            Assert.Empty(await Linter.Problems("dockerfile", DeployFiles.Text(file.Path)));
        }

        Assert.Equal(["2: Unknown instruction: COPPY"], await Linter.Problems("dockerfile", "FROM a:1\nCOPPY b c\n"));
    }

    [Theory]
    [MemberData(nameof(Dockerfiles))]
    public void Images_are_of_versions(string path)
    {
        var file = Dockerfile.All.Single(file => file.Path == path);

        Assert.All(file.Stages, stage => Assert.True(DeployFiles.HasVersion(stage.Image), stage.Image));
        Assert.False(DeployFiles.HasVersion("mcr.microsoft.com/dotnet/aspnet"));
        Assert.False(DeployFiles.HasVersion("mcr.microsoft.com/dotnet/aspnet:latest"));
    }

    [Theory]
    [MemberData(nameof(Dockerfiles))]
    public void An_image_needs_neither_root_nor_a_shell_nor_an_emulator(string path)
    {
        var file = Dockerfile.All.Single(file => file.Path == path);

        // A number, which Kubernetes can tell from root's. APP_UID is one, of the base image.
        Assert.Contains(file.Final.All("USER").Single().Text, new[] { "$APP_UID", "65532" });
        Assert.NotNull(file.Final.All("ENTRYPOINT").Single().Exec);
        Assert.Equal("NONE", file.Final.All("HEALTHCHECK").Single().Text);
        Assert.Empty(file.Final.All("RUN"));
        Assert.All(file.Stages.SkipLast(1), stage => Assert.Contains("--platform=$BUILDPLATFORM", stage.Flags));
        Assert.Equal("8080", file.Final.All("EXPOSE").Single().Text);
    }

    [Theory]
    [InlineData("services/Orders/Order.cs", true)]
    [InlineData("services/Gateway/openapi/v1.json", true)]
    [InlineData("services/Shared/Contracts/schemas/order.paid.v1.json", true)]
    [InlineData("Directory.Packages.props", true)]
    [InlineData("services/Orders/bin/Orders.dll", false)]
    [InlineData("services/Shared/Contracts/obj/project.assets.json", false)]
    [InlineData("services/Loyalty/node_modules/express/index.js", false)]
    [InlineData("services/Loyalty/test/points.test.js", false)]
    [InlineData("services/Loyalty/README.md", false)]
    [InlineData(".git/HEAD", false)]
    [InlineData(".env", false)]
    [InlineData("components/secrets.json", false)]
    [InlineData("tests/Deploy.Tests/ImageTests.cs", false)]
    [InlineData("orders.db", false)]
    public void A_build_gets_what_the_images_are_made_of(string file, bool has) => Assert.Equal(has, BuildContext.Has(file));

    [Fact]
    public void A_build_gets_nothing_else()
    {
        var others = BuildContext.Files.Select(file => file.Split('/')[0]).Distinct().Except(["services"]);

        Assert.Equal([".editorconfig", "BannedSymbols.txt", "Directory.Build.props", "Directory.Packages.props", "global.json"], others.Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void What_decides_about_packages_is_there_before_they_are_restored(string folder)
    {
        var file = Dockerfile.Of(folder);
        var service = file.ServiceOf(folder);
        string[] names = service is null ? ["package.json", "package-lock.json", ".npmrc"] : ["*.csproj", "Directory.*", "global.json", "nuget.config"];
        var needed = names.SelectMany(name => DeployFiles.Named(name))
            .Where(path => service is null ? path.StartsWith(folder, StringComparison.Ordinal) : path.Split('/') is [_] or ["services", _] or ["services", "Shared", ..] || Path.GetDirectoryName(path) == folder);

        var copied = file.Stages[0].Instructions.TakeWhile(instruction => instruction.Name != "RUN").Where(instruction => instruction.Name == "COPY")
            .SelectMany(copy => copy.Words.SkipLast(1)).SelectMany(source => BuildContext.Copied(LocalBuild.Expand(file, service, source)));

        Assert.Equal(needed.Order(), copied.Order());
    }

    [LinuxFact(Shell)]
    public async Task The_image_of_a_service_starts_answers_and_writes_nothing()
    {
        var build = await orders.Get();
        var files = new DirectoryInfo(build.Image).EnumerateFiles("*", SearchOption.AllDirectories).ToList();

        Assert.DoesNotContain(files, file => file.Extension is ".xml" or ".cs" || file.Name is "Orders" or "Payments.dll");
        Assert.InRange(files.Sum(file => file.Length), 1_000_000, 10_000_000);
        await AssertAnswers(build, "ASPNETCORE_HTTP_PORTS", build.EntryPoint, "order-service");
    }

    [NodeFact(Loyalty)]
    public async Task The_image_of_Loyalty_starts_answers_and_writes_nothing()
    {
        // What npm would fetch, the folder in the repository has.
        using var build = await LocalBuild.Run(Dockerfile.Of(Loyalty), null, (command, folder) =>
        {
            Assert.StartsWith("npm ci --omit=dev", command, StringComparison.Ordinal);
            Directory.CreateSymbolicLink(Path.Combine(folder, "node_modules"), Path.Combine(Repository.Root, Loyalty, "node_modules"));
            return Task.CompletedTask;
        });

        Assert.Equal("/nodejs/bin/node", build.EntryPoint[0]);
        await AssertAnswers(build, "APP_PORT", ["node", .. build.EntryPoint.Skip(1)], "loyalty-service");
    }

    [LinuxFact(Shell)]
    public async Task PublishContainer_makes_the_image_that_the_Dockerfile_makes()
    {
        var (file, build) = (Dockerfile.Of(OrdersBuild.Folder), await orders.Get());
        using var folder = new TempFolder();
        var port = Ports.Free();
        await using var registry = await LoopbackRegistry.Start(port, "1654", "ASPNETCORE_HTTP_PORTS=8080", "APP_UID=1654");
        var (archive, name) = (Path.Combine(folder.Path, "image.tar"), Path.Combine(folder.Path, "base"));

        await build.Run($"dotnet msbuild {OrdersBuild.Folder} -t:ComputeContainerBaseImage -getProperty:ContainerBaseImage > {name}");
        await build.Run($"dotnet publish {OrdersBuild.Folder} --no-restore -t:PublishContainer -p:ContainerArchiveOutputPath={archive} -p:ContainerBaseImage=localhost:{port}/dotnet/aspnet:10.0");

        Assert.Equal(file.Final.Image, (await File.ReadAllTextAsync(name)).Trim());
        var manifest = ReadJson(archive, "manifest.json")[0]!;
        var image = ReadJson(archive, (string)manifest["Config"]!)["config"]!;
        Assert.Equal($"lavka/orders:{DeployFiles.Yaml("helm/lavka/Chart.yaml")["appVersion"]}", (string)manifest["RepoTags"]!.AsArray().Single()!);
        Assert.Equal("1654", (string)image["User"]!);
        Assert.Equal(["8080/tcp"], image["ExposedPorts"]!.AsObject().Select(exposed => exposed.Key));
        Assert.Equal(["dotnet", "/app/Orders.dll"], image["Entrypoint"]!.AsArray().Concat(image["Cmd"]?.AsArray() ?? []).Select(word => (string)word!));
        Assert.Superset(build.Environment.Select(pair => $"{pair.Key}={pair.Value}").ToHashSet(), image["Env"]!.AsArray().Select(variable => (string)variable!).ToHashSet());
        Assert.Contains($"org.opencontainers.image.title=\"{image["Labels"]!["org.opencontainers.image.title"]}\"", build.Expand(file.Final.All("LABEL").Single().Text), StringComparison.Ordinal);
    }

    /// <summary>Starts what is in the image as it says, with its environment; asks it for its health.</summary>
    private static async Task AssertAnswers(LocalBuild build, string portVariable, IReadOnlyList<string> entryPoint, string name)
    {
        using var temporary = new TempFolder();
        var port = Ports.Free();
        var before = Directory.GetFileSystemEntries(build.Image, "*", SearchOption.AllDirectories);
        var start = new ProcessStartInfo(entryPoint[0], entryPoint.Skip(1)) { WorkingDirectory = build.Image, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (variable, value) in build.Environment)
        {
            start.Environment[variable] = value;
        }

        (start.Environment["TMPDIR"], start.Environment["HOME"]) = (temporary.Path, temporary.Path);
        start.Environment[portVariable] = $"{port}";
        using var process = await ChildProcess.Start(start);
        try
        {
            using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false });
            var health = await Eventually.Get(async () =>
            {
                Assert.False(process.HasExited, process.HasExited ? await process.StandardError.ReadToEndAsync() : null);
                try
                {
                    return JsonNode.Parse(await http.GetStringAsync($"http://127.0.0.1:{port}/health"));
                }
                catch (HttpRequestException)
                {
                    return null;
                }
            }, $"the health of {name}");

            Assert.Equal(name, (string)health["service"]!);
            Assert.Equal(before, Directory.GetFileSystemEntries(build.Image, "*", SearchOption.AllDirectories));
            Assert.Empty(Directory.GetFileSystemEntries(temporary.Path));
        }
        finally
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync();
        }
    }

    private static JsonNode ReadJson(string archive, string name)
    {
        using var file = File.OpenRead(archive);
        using var tar = new TarReader(file);
        while (tar.GetNextEntry() is { } entry)
        {
            if (entry.Name == name)
            {
                return JsonNode.Parse(entry.DataStream!)!;
            }
        }

        throw new FileNotFoundException($"There is no {name} in the image.");
    }
}
