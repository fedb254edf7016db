using System.Globalization;
using System.Text.RegularExpressions;
using Lavka.Sidecar.Testing;

namespace Lavka.Run.Chaos;

/// <summary>The servers on this machine that the shop's components name. Each is reached through a proxy that can spoil the way to it.</summary>
internal sealed partial class Servers : IAsyncDisposable
{
    private readonly Dictionary<int, (string Name, TcpProxy Proxy)> _byPort = [];

    private Servers(string folder) => Folder = folder;

    /// <summary>A copy of the components, in which the servers' ports are those of the proxies.</summary>
    public string Folder { get; }

    /// <summary>Each by what it is: <c>rabbitmq</c>, <c>redis</c>, <c>postgresql</c>.</summary>
    public IReadOnlyList<(string Name, TcpProxy Proxy)> All => [.. _byPort.Values];

    /// <param name="resources">The run file's folders of components.</param>
    /// <param name="folder">Where the copy is to be.</param>
    public static Servers Start(IReadOnlyList<string> resources, string folder)
    {
        Directory.CreateDirectory(folder);
        foreach (var old in Directory.EnumerateFiles(folder))
        {
            File.Delete(old);
        }

        var servers = new Servers(folder);
        foreach (var file in resources.SelectMany(path => Directory.EnumerateFiles(path)))
        {
            File.WriteAllLines(Path.Combine(folder, Path.GetFileName(file)), servers.Through(File.ReadAllLines(file)));
        }

        return servers;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var (_, proxy) in _byPort.Values)
        {
            await proxy.DisposeAsync();
        }
    }

    private IEnumerable<string> Through(string[] component)
    {
        var type = component.Select(line => Type().Match(line)).FirstOrDefault(match => match.Success)?.Groups[1].Value;
        return component.Select(line => type is null || line.TrimStart().StartsWith('#') ? line
            : Address().Replace(line, match => $"{match.Groups[1].Value}127.0.0.1{match.Groups[2].Value}{ProxyOf(int.Parse(match.Groups[3].Value, CultureInfo.InvariantCulture), type)}"));
    }

    private string ProxyOf(int port, string type)
    {
        if (!_byPort.TryGetValue(port, out var server))
        {
            _byPort[port] = server = (type, TcpProxy.Start(port));
        }

        return server.Proxy.Port.ToString(CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"^\s*type:\s*(?:pubsub|state)\.(\w+)")]
    private static partial Regex Type();

    // redisHost's localhost:6379, amqp://guest:guest@localhost:5672, host=localhost port=5432
    [GeneratedRegex(@"((?:^|[\s@/=]))(?:localhost|127\.0\.0\.1)(:|\s+port=)([0-9]{2,5})\b")]
    private static partial Regex Address();
}
