using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using StackExchange.Redis;

namespace Lavka.Testing;

/// <summary>
/// A Redis of the tests' own, on a port of loopback and in a folder that nobody else has, which keeps what it has confirmed. One that may run on the machine is not touched.
/// It ends with the test run, even with one that is killed.
/// </summary>
public sealed class RedisServer : IAsyncDisposable
{
    private const string Name = "redis-server";
    private const int Databases = 1024;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);
    private static readonly Lazy<Task<RedisServer>> TheShared = new(() => Start());

    private readonly TempFolder _folder = new();
    private readonly string[] _settings;
    private readonly StartedServer _server;
    private int _database;

    private RedisServer(string[] settings) => (_settings, _server) = (settings, new("Redis", Port, Patience, Program, Answers));

    /// <summary>Why a test that needs Redis is to be skipped, or null.</summary>
    public static string? WhatIsMissing { get; } = SearchPath.Has(Name) ? null : $"It starts a Redis, and there is no {Name} on the PATH (Debian: apt-get install redis-server).";

    /// <summary>One for all tests of a run that take names of their own and let it live. The first that asks starts it.</summary>
    public static Task<RedisServer> Shared => TheShared.Value;

    /// <summary>Where it listens.</summary>
    public int Port { get; } = Ports.Free();

    /// <summary>As <c>redisHost</c> wants it.</summary>
    public string Address => $"127.0.0.1:{Port}";

    /// <summary>Its folder, for files that its settings name.</summary>
    public string Folder => _folder.Path;

    /// <summary>The number of a database with nothing in it, which nobody else is given.</summary>
    public int NewDatabase() => Interlocked.Increment(ref _database);

    /// <summary>Starts one with nothing in it; completes when it answers.</summary>
    /// <param name="settings">What redis.conf would have, as on the command line: <c>--requirepass</c>, <c>secret</c>.</param>
    public static async Task<RedisServer> Start(params string[] settings)
    {
        var server = new RedisServer(settings);
        try
        {
            await server._server.Start();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Ends it with -9, like a crash. Its data stay.</summary>
    public Task Stop() => _server.Stop();

    /// <summary>Starts it again, with its data and at its port; completes when it answers. One that still runs is stopped first.</summary>
    public Task Restart() => _server.Start();

    /// <summary>Does something as a client of its own; a server that wants a password does not let it.</summary>
    public Task<RedisResult> Do(string command, params object[] arguments) => Do(0, command, arguments);

    /// <inheritdoc cref="Do(string, object[])"/>
    public async Task<RedisResult> Do(int database, string command, params object[] arguments)
    {
        await using var client = await ConnectionMultiplexer.ConnectAsync(new ConfigurationOptions { EndPoints = { Address }, AllowAdmin = true });
        return await client.GetDatabase(database).ExecuteAsync(command, arguments);
    }

    public async ValueTask DisposeAsync()
    {
        await Stop();
        _folder.Dispose();
    }

    private ProcessStartInfo Program() => new(
        Name, ["--port", $"{Port}", "--bind", "127.0.0.1", "--dir", Folder, "--save", "", "--appendonly", "yes", "--appendfsync", "always", "--databases", $"{Databases}", .. _settings])
    { WorkingDirectory = Folder };

    /// <summary>Whether it has loaded its data. One that wants to know who we are has.</summary>
    private static async Task<bool> Answers(NetworkStream stream, CancellationToken cancellationToken)
    {
        await stream.WriteAsync("PING\r\n"u8.ToArray(), cancellationToken);
        var answer = new byte[64];
        var length = await stream.ReadAsync(answer, cancellationToken);
        return Encoding.ASCII.GetString(answer, 0, length) is { Length: > 0 } text && !text.StartsWith("-LOADING", StringComparison.Ordinal);
    }
}
