using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Lavka.Testing;

namespace Lavka.Shop.Tests;

/// <summary>The runner, as a user starts it.</summary>
internal sealed partial class RunnerProcess : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private readonly Process _process;
    private readonly StringBuilder _output = new();

    public RunnerProcess(IReadOnlyList<string> arguments)
    {
        // Whoever runs the tests in the background may have had Ctrl-C ignored, for all that they start.
        var start = OperatingSystem.IsLinux() ? new ProcessStartInfo("env", ["--default-signal=INT", "dotnet", .. arguments]) : new("dotnet", arguments);
        (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true);
        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, line) => Add(line.Data);
        _process.ErrorDataReceived += (_, line) => Add(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>A demo in a shop that runs. Its exit code says whether the audit holds, of all that the shop has ever done.</summary>
    public static RunnerProcess Demo(Uri gateway, int orders) => new(
        [typeof(Run.RunFile).Assembly.Location, "--demo", orders.ToString(CultureInfo.InvariantCulture), "--gateway", gateway.ToString(), "--operator-password", "lavka-operator"]);

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    public string Output
    {
        get
        {
            lock (_output)
            {
                return _output.ToString();
            }
        }
    }

    public Task WaitFor(string text) => Eventually.Holds(
        () => Output.Contains(text, StringComparison.Ordinal) ? true : _process.HasExited ? throw new InvalidOperationException($"The runner has ended: {Output}") : false, $"the runner to say '{text}'", Patience);

    public async Task<int> ExitCode(TimeSpan? patience = null)
    {
        using var limit = new CancellationTokenSource(patience ?? Patience);
        await _process.WaitForExitAsync(limit.Token);
        return _process.ExitCode;
    }

    /// <summary>Kills it with -9.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    /// <summary>The services it has started, each instance by the name of its service, and its port.</summary>
    public List<(string Name, int Id, string Port)> Services()
    {
        var found = new List<(string, int, string)>();
        foreach (var process in Process.GetProcesses())
        {
            try
            {
                var stat = File.ReadAllText($"/proc/{process.Id}/stat");
                var parent = int.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[1], CultureInfo.InvariantCulture);
                var command = File.ReadAllText($"/proc/{process.Id}/cmdline");
                if (parent == Id && ServiceName().Match(command) is { Success: true } match)
                {
                    found.Add((match.Groups[1].Value, process.Id, AppPort().Match(File.ReadAllText($"/proc/{process.Id}/environ")).Groups[1].Value));
                }
            }
            catch (IOException)
            {
                // It has ended meanwhile.
            }
        }

        return found;
    }

    /// <summary>Kills a service with -9.</summary>
    public static void Kill(int service)
    {
        using var process = Process.GetProcessById(service);
        process.Kill();
    }

    /// <summary>What Ctrl-C does.</summary>
    public void Interrupt()
    {
        using var kill = Process.Start("kill", ["-INT", _process.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
    }

    private void Add(string? line)
    {
        if (line is not null)
        {
            lock (_output)
            {
                _output.AppendLine(line);
            }
        }
    }

    [GeneratedRegex("(?:^|\0)APP_PORT=([0-9]+)")]
    private static partial Regex AppPort();

    // dotnet bin/Users.dll, node index.js
    [GeneratedRegex("(?:bin/|^node\0)([A-Za-z]+)\\.(?:dll|js)")]
    private static partial Regex ServiceName();
}
