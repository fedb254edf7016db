using System.Collections.Concurrent;
using Lavka.Testing;

namespace Lavka.Deploy.Tests;

/// <summary>One of the versions of Helm that the chart is for, the oldest and the newest at hand.</summary>
internal sealed class Helm
{
    public static readonly Helm Oldest = new("3.14");
    public static readonly Helm Newest = new("4.1");
    public static readonly IReadOnlyList<Helm> All = [Oldest, Newest];

    public static readonly string Chart = Path.Combine(Repository.Root, "helm", "lavka");

    private static readonly SemaphoreSlim Turns = new(Environment.ProcessorCount);

    // Many tests look at the same renderings.
    private readonly ConcurrentDictionary<Case, Lazy<Task<Rendering>>> _renderings = new();
    private readonly string _version;

    private Helm(string version) => _version = version;

    public static Helm Of(string version) => All.Single(helm => helm._version == version);

    /// <exception cref="InvalidOperationException">It cannot be rendered.</exception>
    public Task<Rendering> Render(Case @case) => _renderings.GetOrAdd(@case, one => new(async () =>
    {
        var command = await Template(one, Chart);
        return command.ExitCode == 0 ? Rendering.Parse(one, command.Output) : throw new InvalidOperationException($"helm {_version}, {one}: {command.Error}");
    })).Value;

    /// <summary>Runs <c>helm template</c>, whatever comes of it.</summary>
    public Task<Command> Template(Case @case, string chart) =>
        Run(@case, ["template", @case.Release, chart, "--namespace", @case.Namespace, "--kube-version", @case.KubeVersion]);

    public Task<Command> Lint(Case @case) => Run(@case, ["lint", Chart, "--strict", "--namespace", @case.Namespace]);

    public override string ToString() => _version;

    private async Task<Command> Run(Case @case, IEnumerable<string> arguments)
    {
        using var folder = new TempFolder();
        var files = @case.Values.SelectMany((text, i) => new[] { "--values", folder.Write($"{i}.yaml", text) }).ToList();

        await Turns.WaitAsync();
        try
        {
            // Helm looks for settings and for a cluster in the home folder.
            return await Command.Run(HelmPrograms.Helm(_version), [.. arguments, .. files], environment: [new("HOME", folder.Path), new("KUBECONFIG", "")]);
        }
        finally
        {
            Turns.Release();
        }
    }
}
