using System.Diagnostics;

namespace Lavka.Testing;

/// <summary>A program that has been run to its end.</summary>
public sealed record Command(int ExitCode, string Output, string Error)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    /// <exception cref="TimeoutException">It does not end.</exception>
    public static async Task<Command> Run(string program, IEnumerable<string> arguments, string input = "", params IEnumerable<KeyValuePair<string, string>> environment)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        using var process = await ChildProcess.Start(start);
        using var limit = new CancellationTokenSource(Patience);
        try
        {
            var texts = Task.WhenAll(process.StandardOutput.ReadToEndAsync(limit.Token), process.StandardError.ReadToEndAsync(limit.Token));
            await process.StandardInput.WriteAsync(input.AsMemory(), limit.Token);
            process.StandardInput.Close();
            await process.WaitForExitAsync(limit.Token);
            return new(process.ExitCode, (await texts)[0], (await texts)[1]);
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"{program} does not end.");
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }
}
