using System.Diagnostics;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;

namespace Lavka.Testing;

/// <summary>
/// A RabbitMQ of the tests' own: a node with a name, ports of loopback, an epmd and a folder that nobody else has. One that may run on the machine is not
/// touched. It ends with the test run, even with one that is killed.
/// </summary>
public sealed class RabbitMqServer : IAsyncDisposable
{
    private const string Program = "rabbitmq-server";

    // Debian's rabbitmq-server is a wrapper that changes the user; the server itself runs as anybody.
    private const string DebianProgram = "/usr/lib/rabbitmq/bin/rabbitmq-server";

    // It takes seconds; on a machine that is busy with other tests, many.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);
    private static readonly Lazy<Task<RabbitMqServer>> TheShared = new(() => Start());

    private readonly TempFolder _folder = new();
    private readonly string _node = $"lavka-{Guid.NewGuid():N}@localhost";
    private readonly int _epmdPort = Ports.Free();
    private readonly int _distributionPort = Ports.Free();
    private readonly Process _janitor;
    private readonly StartedServer _server;
    private Process? _epmd;

    private RabbitMqServer()
    {
        _janitor = StartJanitor(_folder.Path);
        _server = new("RabbitMQ", Port, Patience, () => With(new(ProgramPath)), Answers);
    }

    /// <summary>Why a test that needs RabbitMQ is to be skipped, or null.</summary>
    public static string? WhatIsMissing { get; } =
        SearchPath.Has(Program) || File.Exists(DebianProgram) ? null : $"It starts a RabbitMQ, and there is no {Program} on the PATH (Debian: apt-get install rabbitmq-server).";

    /// <summary>The program that is the server.</summary>
    public static string ProgramPath => File.Exists(DebianProgram) ? DebianProgram : Program;

    /// <summary>One for all tests of a run that take names of their own and let it live. The first that asks starts it.</summary>
    public static Task<RabbitMqServer> Shared => TheShared.Value;

    /// <summary>Where it listens.</summary>
    public int Port { get; } = Ports.Free();

    /// <summary>Where it listens with TLS, if it has a certificate.</summary>
    public int TlsPort { get; } = Ports.Free();

    /// <summary>For AMQP.</summary>
    public string ConnectionString => $"amqp://guest:guest@127.0.0.1:{Port}";

    /// <summary>Starts one with nothing in it; completes when it answers.</summary>
    /// <param name="certificate">Its certificate with its key, for TLS at <see cref="TlsPort"/>; null: it has no TLS.</param>
    public static async Task<RabbitMqServer> Start(X509Certificate2? certificate = null)
    {
        var server = new RabbitMqServer();
        try
        {
            server._folder.Write("enabled_plugins", "[].");
            server._folder.Write("rabbitmq.conf", certificate is null ? "" : $"""
                listeners.ssl.1 = 127.0.0.1:{server.TlsPort}
                ssl_options.certfile = {server._folder.Write("certificate.pem", certificate.ExportCertificatePem())}
                ssl_options.keyfile = {server._folder.Write("key.pem", certificate.GetRSAPrivateKey()!.ExportPkcs8PrivateKeyPem())}

                """);
            server._epmd = await ChildProcess.Start(server.With(new("epmd")));
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

    public async ValueTask DisposeAsync()
    {
        await Stop();
        if (_epmd is { } epmd)
        {
            _epmd = null;
            await ChildProcess.Kill(epmd);
        }

        _folder.Dispose();
        _janitor.StandardInput.Close();
        await _janitor.WaitForExitAsync();
        _janitor.Dispose();
    }

    /// <summary>Deletes the folder when we are gone, however: a test host has a tenth of a second to end before it is killed.</summary>
    private static Process StartJanitor(string folder) =>
        Process.Start(new ProcessStartInfo("sh", ["-c", "trap '' INT; cat > /dev/null; until rm -rf \"$0\"; do sleep 0.1; done", folder]) { RedirectStandardInput = true })!;

    /// <summary>Whether it speaks AMQP: what listens earlier than it is ready does not.</summary>
    private static async Task<bool> Answers(NetworkStream stream, CancellationToken cancellationToken)
    {
        await stream.WriteAsync("AMQP\0\0\x09\x01"u8.ToArray(), cancellationToken);

        // A method's frame: it asks who we are.
        return await stream.ReadAsync(new byte[8], cancellationToken) > 0;
    }

    /// <summary>The program with nothing of another node's, neither in its environment nor in files of the system.</summary>
    private ProcessStartInfo With(ProcessStartInfo start)
    {
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("RABBITMQ_", StringComparison.Ordinal) || name.StartsWith("ERL_", StringComparison.Ordinal)).ToList())
        {
            start.Environment.Remove(name);
        }

        string At(string name) => Path.Combine(_folder.Path, name);
        start.WorkingDirectory = _folder.Path;

        // Where Erlang keeps its cookie.
        start.Environment["HOME"] = _folder.Path;
        start.Environment["ERL_EPMD_ADDRESS"] = "127.0.0.1";
        start.Environment["ERL_EPMD_PORT"] = $"{_epmdPort}";
        start.Environment["RABBITMQ_NODENAME"] = _node;
        start.Environment["RABBITMQ_NODE_IP_ADDRESS"] = "127.0.0.1";
        start.Environment["RABBITMQ_NODE_PORT"] = $"{Port}";
        start.Environment["RABBITMQ_DIST_PORT"] = $"{_distributionPort}";
        start.Environment["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"] = "-kernel inet_dist_use_interface {127,0,0,1}";
        start.Environment["RABBITMQ_MNESIA_BASE"] = At("mnesia");
        start.Environment["RABBITMQ_LOG_BASE"] = At("log");
        start.Environment["RABBITMQ_LOGS"] = "-";
        start.Environment["RABBITMQ_PID_FILE"] = At("pid");
        start.Environment["RABBITMQ_CONF_ENV_FILE"] = At("rabbitmq-env.conf");
        start.Environment["RABBITMQ_CONFIG_FILE"] = At("rabbitmq.conf");
        start.Environment["RABBITMQ_CONFIG_FILES"] = At("conf.d");
        start.Environment["RABBITMQ_ADVANCED_CONFIG_FILE"] = At("advanced.config");
        start.Environment["RABBITMQ_ENABLED_PLUGINS_FILE"] = At("enabled_plugins");

        // Then its script becomes the server, and does not stay beside it: the process that is ours to kill is the server.
        start.Environment["RUNNING_UNDER_SYSTEMD"] = "true";
        return start;
    }
}
