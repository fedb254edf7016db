using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Lavka.Testing;

/// <summary>A server on a port of loopback that tests start, kill and start again. It ends with the test run, even with one that is killed.</summary>
/// <param name="program">How it is started.</param>
/// <param name="answers">Asks it, over a new connection, whether it is ready.</param>
internal sealed class StartedServer(string name, int port, TimeSpan patience, Func<ProcessStartInfo> program, Func<NetworkStream, CancellationToken, Task<bool>> answers)
{
    private const int LinesKept = 30;

    private static readonly TimeSpan PatienceForAnAnswer = TimeSpan.FromSeconds(5);

    private readonly ConcurrentQueue<string> _output = new();
    private Process? _process;

    /// <summary>Starts it; completes when it answers. One that still runs is stopped first.</summary>
    public async Task Start()
    {
        await Stop();
        _output.Clear();
        var start = program();
        (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true);
        var process = _process = await ChildProcess.Start(start);
        process.OutputDataReceived += (_, line) => Keep(line.Data);
        process.ErrorDataReceived += (_, line) => Keep(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        try
        {
            await Eventually.Get(async () => process.HasExited ? throw new InvalidOperationException("It has ended.") : await Answers() ? "" : null, name, patience);
        }
        catch (Exception e) when (e is InvalidOperationException or TimeoutException)
        {
            throw new InvalidOperationException($"{name} does not start: {e.Message} It said:\n{string.Join('\n', _output)}", e);
        }
    }

    /// <summary>Ends it with -9, like a crash; completes when it is gone.</summary>
    public async Task Stop()
    {
        if (_process is { } process)
        {
            _process = null;
            await ChildProcess.Kill(process);
        }
    }

    private void Keep(string? line)
    {
        if (line is not null)
        {
            _output.Enqueue(line);
            while (_output.Count > LinesKept)
            {
                _output.TryDequeue(out _);
            }
        }
    }

    private async Task<bool> Answers()
    {
        try
        {
            using var limit = new CancellationTokenSource(PatienceForAnAnswer);
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, port, limit.Token);
            await using var stream = client.GetStream();
            return await answers(stream, limit.Token);
        }
        catch (Exception e) when (e is SocketException or IOException or OperationCanceledException)
        {
            return false;
        }
    }
}
