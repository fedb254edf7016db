using System.Text.RegularExpressions;
using Lavka.Testing;

namespace Lavka.Deploy.Tests;

/// <summary>Does what a Dockerfile says without Docker: folders stand for the stages' file systems, commands are run on this machine.</summary>
internal sealed partial class LocalBuild : IDisposable
{
    // What dotnet leaves running for the next time would keep the output open.
    private static readonly KeyValuePair<string, string>[] Alone = [new("MSBUILDDISABLENODEREUSE", "1"), new("DOTNET_CLI_USE_MSBUILD_SERVER", "0"), new("UseSharedCompilation", "false")];

    private readonly TempFolder _root = new();
    private readonly Dockerfile _file;
    private readonly string? _service;

    private LocalBuild(Dockerfile file, string? service) => (_file, _service) = (file, service);

    /// <summary>The image's working directory.</summary>
    public string Image => PathIn(_file.Final, WorkingDirectory(_file.Final));

    /// <summary>The image's own environment.</summary>
    public IReadOnlyDictionary<string, string> Environment =>
        _file.Final.All("ENV").SelectMany(instruction => instruction.Words).Select(word => word.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]);

    /// <summary>How the image is started.</summary>
    public IReadOnlyList<string> EntryPoint => _file.Final.All("ENTRYPOINT").Single().Exec!;

    /// <param name="file">The Dockerfile.</param>
    /// <param name="service">Its argument SERVICE.</param>
    /// <param name="run">Runs a command in a folder in place of this class.</param>
    public static async Task<LocalBuild> Run(Dockerfile file, string? service, Func<string, string, Task>? run = null)
    {
        var build = new LocalBuild(file, service);
        try
        {
            foreach (var (stage, instruction) in file.Stages.SelectMany(stage => stage.Instructions.Select(instruction => (stage, instruction))))
            {
                await build.Do(stage, instruction, run ?? Shell);
            }

            return build;
        }
        catch
        {
            build.Dispose();
            throw;
        }
    }

    /// <summary>Runs a command that must not fail, in the first stage's working directory, where the build has been.</summary>
    public Task Run(string command) => Shell(command, PathIn(_file.Stages[0], WorkingDirectory(_file.Stages[0])));

    /// <inheritdoc cref="Dockerfile.ServiceOf"/>
    public string Expand(string text) => Expand(_file, _service, text);

    /// <summary>A text with the build's arguments in it.</summary>
    public static string Expand(Dockerfile file, string? service, string text) => file.Stages.SelectMany(stage => stage.All("ARG")).Select(argument => argument.Text.Split('=', 2))
        .Aggregate(text, (all, argument) => all.Replace($"${argument[0]}", argument[0] == "SERVICE" ? service : argument.ElementAtOrDefault(1) ?? "", StringComparison.Ordinal));

    public void Dispose() => _root.Dispose();

    private static string WorkingDirectory(Stage stage) => stage.All("WORKDIR").Single().Text;

    private static async Task Shell(string command, string folder)
    {
        var done = await Command.Run("sh", ["-c", $"cd '{folder}' && {command}"], environment: Alone);
        Assert.True(done.ExitCode == 0, $"{command}\n{done.Output}{done.Error}");
    }

    private Task Do(Stage stage, Instruction instruction, Func<string, string, Task> run)
    {
        if (instruction.Name == "COPY")
        {
            Copy(stage, instruction);
        }

        return instruction.Name == "RUN" ? run(AbsolutePath().Replace(Expand(instruction.Text), match => PathIn(stage, match.Value)), PathIn(stage, WorkingDirectory(stage))) : Task.CompletedTask;
    }

    private void Copy(Stage stage, Instruction copy)
    {
        var target = PathIn(stage, Path.Combine(WorkingDirectory(stage), Expand(copy.Words[^1])));
        foreach (var source in copy.Words.SkipLast(1).Select(Expand))
        {
            if (copy.From is { } from)
            {
                CopyFolder(PathIn(_file.Stages.Single(other => other.Name == from), source), target);
                continue;
            }

            var files = BuildContext.Copied(source);
            Assert.True(files.Count > 0, $"{_file.Path} copies {source}, and that is not in the build's context.");
            foreach (var file in files)
            {
                // A folder's contents are copied; of a file, its name.
                var name = file.StartsWith(source + '/', StringComparison.Ordinal) ? file[(source.Length + 1)..] : Path.GetFileName(file);
                CopyFile(Path.Combine(Repository.Root, file), Path.Combine(target, name));
            }
        }
    }

    private static void CopyFolder(string from, string to)
    {
        foreach (var file in new DirectoryInfo(from).EnumerateFiles("*", SearchOption.AllDirectories))
        {
            CopyFile(file.FullName, Path.Combine(to, Path.GetRelativePath(from, file.FullName)));
        }
    }

    private static void CopyFile(string from, string to)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(to)!);
        if (new FileInfo(from).LinkTarget is { } target)
        {
            File.CreateSymbolicLink(to, target);
        }
        else
        {
            File.Copy(from, to, overwrite: true);
        }
    }

    private string PathIn(Stage stage, string path) => Path.GetFullPath(Path.Combine(_root.Path, stage.Name ?? "image", path.TrimStart('/')));

    [GeneratedRegex(@"(?<=\s)/\S+")]
    private static partial Regex AbsolutePath();
}
