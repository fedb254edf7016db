using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Npgsql;

namespace Lavka.Testing;

/// <summary>
/// A PostgreSQL of its own for tests: a new cluster in a temporary folder, on a free port of loopback, with fsync. It ends with the test host, whichever way that ends.
/// </summary>
public sealed class PostgreSqlServer : IAsyncDisposable
{
    // PostgreSQL refuses to run as root; this is whom Debian's package runs it as.
    private const string SystemUser = "postgres";

    // Ends the server at once, without a shutdown, when its input ends: that is closed by Stop, or with the test host.
    private const string UntilInputEnds = "\"$@\" & server=$!; cat > /dev/null; kill -QUIT $server; wait $server";

    private readonly TempFolder _folder = new();
    private Process? _process;

    private PostgreSqlServer()
    {
    }

    /// <summary>Why a test that needs a server is to be skipped, or null.</summary>
    public static string? WhatIsMissing { get; } =
        OperatingSystem.IsWindows() ? "It starts a PostgreSQL, which these tests can do on Linux and macOS only."
        : Binaries() is null ? "It starts a PostgreSQL, and there is none on the PATH (Debian: apt-get install postgresql)."
        : Environment.IsPrivilegedProcess && !(SearchPath.Has("setpriv") && File.ReadLines("/etc/passwd").Any(line => line.StartsWith($"{SystemUser}:", StringComparison.Ordinal)))
            ? $"It starts a PostgreSQL, which does not run as root, and there is no setpriv or no user {SystemUser}."
        : null;

    public static string User => "lavka";

    public static string Password => "shop keeper's";

    /// <summary>Whom the server's certificate is for; its address is not in it.</summary>
    public static string CertificateName => "db.lavka.test";

    /// <summary>The file with the certificate that the server's is to be checked against.</summary>
    public string RootCertificate => Path.Combine(_folder.Path, "server.crt");

    public int Port { get; } = Ports.Free();

    /// <summary>The database lavka, as libpq's keywords and values.</summary>
    public string ConnectionString => ConnectionStringOf("lavka");

    private string Key => Path.Combine(_folder.Path, "server.key");

    private string Data => Path.Combine(_folder.Path, "data");

    /// <summary>A new server that takes connections, with a database lavka.</summary>
    public static async Task<PostgreSqlServer> StartAsync()
    {
        var server = new PostgreSqlServer();
        try
        {
            var password = server._folder.Write("password", Password);
            server.WriteCertificate();
            if (Environment.IsPrivilegedProcess)
            {
                await Run("chown", "-R", SystemUser, server._folder.Path);
            }

            await Run([.. AsServer("initdb"), "-D", server.Data, "-U", User, $"--pwfile={password}", "--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-sync"]);
            await server.Start();
            await server.CreateDatabase("lavka");
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>As libpq's keywords and values.</summary>
    public string ConnectionStringOf(string database) =>
        $"host=127.0.0.1 port={Port.ToString(CultureInfo.InvariantCulture)} user={User} password='{Password.Replace("'", "\\'", StringComparison.Ordinal)}' dbname={database} sslmode=disable";

    /// <summary>Makes a database and answers its connection string.</summary>
    public async Task<string> CreateDatabase(string name)
    {
        await using var connection = await Connect("postgres");
        await using var command = new NpgsqlCommand($"CREATE DATABASE {name}", connection);
        await command.ExecuteNonQueryAsync();
        return ConnectionStringOf(name);
    }

    /// <summary>A connection of the test's own; it is not pooled.</summary>
    public async Task<NpgsqlConnection> Connect(string database = "lavka")
    {
        var settings = new NpgsqlConnectionStringBuilder { Host = "127.0.0.1", Port = Port, Username = User, Password = Password, Database = database, SslMode = SslMode.Disable, Pooling = false };
        var connection = new NpgsqlConnection(settings.ConnectionString);
        try
        {
            await connection.OpenAsync();
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts it if it does not run, after <see cref="Stop"/> with what it had; returns when it takes connections.</summary>
    public async Task Start()
    {
        if (_process is not null)
        {
            return;
        }

        string[] command =
        [
            .. AsServer("postgres"), "-D", Data, "-p", Port.ToString(CultureInfo.InvariantCulture), "-c", "listen_addresses=127.0.0.1", "-c", $"unix_socket_directories={_folder.Path}",
            "-c", "ssl=on", "-c", $"ssl_cert_file={RootCertificate}", "-c", $"ssl_key_file={Key}", "-c", "deadlock_timeout=100ms", "-c", "log_min_messages=fatal",
        ];
        var start = new ProcessStartInfo("sh") { RedirectStandardInput = true, RedirectStandardError = true };
        foreach (var argument in new[] { "-c", UntilInputEnds, "sh" }.Concat(command))
        {
            start.ArgumentList.Add(argument);
        }

        var log = new ConcurrentQueue<string?>();
        _process = Process.Start(start)!;
        _process.ErrorDataReceived += (_, line) => log.Enqueue(line.Data);
        _process.BeginErrorReadLine();
        try
        {
            await Eventually.Get(TryConnect, $"PostgreSQL at port {Port}");
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message} It says: {string.Join('\n', log)}", e);
        }
    }

    /// <summary>Ends it without a shutdown, as a crash does; returns when it is gone.</summary>
    public async Task Stop()
    {
        if (_process is { } process)
        {
            _process = null;
            process.StandardInput.Close();
            await process.WaitForExitAsync();
            process.Dispose();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Stop();
        _folder.Dispose();
    }

    private void WriteCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(CertificateName);
        var request = new CertificateRequest($"CN={CertificateName}", key, HashAlgorithmName.SHA256) { CertificateExtensions = { names.Build() } };
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        File.WriteAllText(RootCertificate, certificate.ExportCertificatePem());
        File.WriteAllText(Key, key.ExportPkcs8PrivateKeyPem());
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(Key, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
    }

    private async Task<string?> TryConnect()
    {
        try
        {
            await using var connection = await Connect("postgres");
            return "";
        }
        catch (NpgsqlException e) when (e.IsTransient)
        {
            return null;
        }
    }

    /// <summary>Where the server's programs are: on the PATH, or where Debian has them, which is the newest there.</summary>
    private static string? Binaries() => SearchPath.Find("initdb") is { } initdb && File.Exists(Path.Combine(Path.GetDirectoryName(initdb)!, "postgres"))
        ? Path.GetDirectoryName(initdb)
        : Directory.Exists("/usr/lib/postgresql")
            ? Directory.EnumerateDirectories("/usr/lib/postgresql").OrderByDescending(version => double.TryParse(Path.GetFileName(version), CultureInfo.InvariantCulture, out var number) ? number : 0)
                .Select(version => Path.Combine(version, "bin")).FirstOrDefault(folder => File.Exists(Path.Combine(folder, "initdb")))
            : null;

    private static string[] AsServer(string program)
    {
        var path = Path.Combine(Binaries()!, program);
        return Environment.IsPrivilegedProcess ? ["setpriv", $"--reuid={SystemUser}", $"--regid={SystemUser}", "--init-groups", path] : [path];
    }

    private static async Task Run(params string[] command)
    {
        using var process = Process.Start(new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{string.Join(' ', command)} failed: {await output}{await errors}");
        }
    }
}
