using System.Text.Json;
using System.Text.RegularExpressions;

namespace Lavka.Deploy.Tests;

/// <summary>An instruction of a Dockerfile.</summary>
/// <param name="Flags">What begins with <c>--</c>, before the text.</param>
internal sealed record Instruction(string Name, IReadOnlyList<string> Flags, string Text)
{
    public IReadOnlyList<string> Words => Text.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>The exec form's words; null: it is the form that needs a shell.</summary>
    public IReadOnlyList<string>? Exec => Text.StartsWith('[') ? JsonSerializer.Deserialize<string[]>(Text) : null;

    /// <summary>The stage that it copies from; null: from the build's context.</summary>
    public string? From => Flags.FirstOrDefault(flag => flag.StartsWith("--from=", StringComparison.Ordinal))?["--from=".Length..];
}

/// <summary>A stage of a Dockerfile.</summary>
internal sealed record Stage(IReadOnlyList<string> Flags, string Image, string? Name, IReadOnlyList<Instruction> Instructions)
{
    public IEnumerable<Instruction> All(string name) => Instructions.Where(instruction => instruction.Name == name);
}

/// <summary>A Dockerfile, as far as ours go.</summary>
internal sealed partial class Dockerfile
{
    private Dockerfile(string path, IReadOnlyList<Stage> stages) => (Path, Stages) = (path, stages);

    /// <summary>Ours.</summary>
    public static IReadOnlyList<Dockerfile> All { get; } = [.. DeployFiles.Named("Dockerfile").Select(path => Parse(path, DeployFiles.Text(path)))];

    /// <summary>From the repository's root.</summary>
    public string Path { get; }

    public IReadOnlyList<Stage> Stages { get; }

    /// <summary>What becomes the image.</summary>
    public Stage Final => Stages[^1];

    /// <summary>The one that builds an app.</summary>
    /// <param name="folder">The app's.</param>
    public static Dockerfile Of(string folder) => All.SingleOrDefault(file => file.Path == $"{folder}/Dockerfile") ?? All.Single(file => file.Path == "services/Dockerfile");

    /// <summary>The build's argument that says which app; null: the file is for one.</summary>
    public string? ServiceOf(string folder) => Path == "services/Dockerfile" ? System.IO.Path.GetFileName(folder) : null;

    private static Dockerfile Parse(string path, string text)
    {
        var stages = new List<Stage>();
        var instructions = new List<Instruction>();
        foreach (Match match in Line().Matches(Comment().Replace(text, "").Replace("\\\n", " ", StringComparison.Ordinal)))
        {
            var words = match.Groups["text"].Value.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            var flags = words.TakeWhile(word => word.StartsWith("--", StringComparison.Ordinal)).ToList();
            var instruction = new Instruction(match.Groups["name"].Value, flags, string.Join(' ', words.Skip(flags.Count)));
            if (instruction.Name == "FROM")
            {
                stages.Add(new(flags, instruction.Words[0], instruction.Words.ElementAtOrDefault(2), instructions = []));
            }
            else
            {
                instructions.Add(instruction);
            }
        }

        return new(path, stages);
    }

    [GeneratedRegex("^#.*\n", RegexOptions.Multiline)]
    private static partial Regex Comment();

    [GeneratedRegex("^(?<name>[A-Z]+) (?<text>.*)$", RegexOptions.Multiline)]
    private static partial Regex Line();
}
