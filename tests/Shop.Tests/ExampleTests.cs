using System.Globalization;
using System.Text.RegularExpressions;
using Lavka.Testing;

namespace Lavka.Shop.Tests;

/// <summary>The example: an application on Dapr's own packages, as its README tells.</summary>
[Collection(ProcessesCollection.Name)]
public sealed partial class ExampleTests : IDisposable
{
    private static readonly string Example = Path.Combine(Repository.Root, "examples", "minimal-api");

    private readonly TempFolder _folder = new();

    [CurlFact]
    public async Task Its_README_is_right()
    {
        var ports = Port().Matches(File.ReadAllText(Path.Combine(Example, "dapr.yaml"))).Select(match => match.Value).Distinct().ToDictionary(port => port, _ => Ports.Free().ToString(CultureInfo.InvariantCulture));
        var runFile = _folder.Write("dapr.yaml", WithPorts(File.ReadAllText(Path.Combine(Example, "dapr.yaml")))
            .Replace("appDirPath: ", $"appDirPath: {Example}/", StringComparison.Ordinal).Replace("./components", Path.Combine(Example, "components"), StringComparison.Ordinal));
        using var runner = new RunnerProcess([Path.Combine(AppContext.BaseDirectory, "run.dll"), "--run-file", runFile, "--data", _folder.Path]);
        await runner.WaitFor("Ready after");

        var readme = File.ReadAllText(Path.Combine(Example, "README.md"));
        var lines = readme[readme.IndexOf("In another terminal", StringComparison.Ordinal)..].Split('\n').Where(line => line.StartsWith("curl ", StringComparison.Ordinal)).Select(WithPorts).ToList();
        var answers = new List<string>();
        foreach (var line in lines)
        {
            // What is asked for may be an event that is still on its way.
            var answer = await Eventually.Get(async () => await Command.Run("sh", ["-c", $"{line} -f"]) is { ExitCode: 0 } command ? command.Output : null, line);
            if (answer.Length > 0)
            {
                answers.Add(answer);
            }
        }

        Assert.Equal(
            ["""{"text":"buy tea"}""", """{"id":"7","amount":12.5}""", "1", "2", """{"amount":3.2,"product":"tea"}""", "Hello Ann", """[{"message":"Hello 3"},{"message":"Hello 2"},{"message":"Hello 1"}]"""],
            answers);
        runner.Interrupt();
        Assert.Equal(0, await runner.ExitCode());

        string WithPorts(string text) => Port().Replace(text, match => ports[match.Value]);
    }

    public void Dispose() => _folder.Dispose();

    [GeneratedRegex(@"\b(?:7001|7002|3601)\b")]
    private static partial Regex Port();
}
