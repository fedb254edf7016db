using Lavka.Sidecar.Resources;
using Lavka.Sidecar.State;
using Lavka.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using YamlDotNet.RepresentationModel;

namespace Lavka.Sidecar.Tests;

/// <summary>A server for the tests of a class, where there is PostgreSQL; each takes tables of its own.</summary>
public sealed class PostgreSqlFixture : IAsyncLifetime
{
    private PostgreSqlServer? _server;

    public PostgreSqlServer Server => _server ?? throw new InvalidOperationException(PostgreSqlServer.WhatIsMissing);

    public async Task InitializeAsync() => _server = PostgreSqlServer.WhatIsMissing is null ? await PostgreSqlServer.StartAsync() : null;

    public async Task DisposeAsync()
    {
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }
    }

    /// <summary>A prefix that no other test has.</summary>
    internal static string NewPrefix() => $"t{Guid.NewGuid():N}_";

    /// <summary>A store that has started, by default with tables of its own.</summary>
    /// <param name="metadata">Besides the connection string, or instead of it.</param>
    internal async Task<PostgreSqlStateStore> Store(TimeProvider? time = null, params (string Name, string Value)[] metadata)
    {
        var store = Make(time, [("connectionString", Server.ConnectionString), ("tablePrefix", NewPrefix()), .. metadata]);
        try
        {
            await store.Start(default);
            return store;
        }
        catch
        {
            await store.DisposeAsync();
            throw;
        }
    }

    private static PostgreSqlStateStore Make(TimeProvider? time, IEnumerable<(string Name, string Value)> metadata) => new(Metadata(metadata), time ?? TimeProvider.System, NullLoggerFactory.Instance);

    /// <summary>The last value of a name counts.</summary>
    internal static ComponentMetadata Metadata(IEnumerable<(string Name, string Value)> fields)
    {
        var values = new Dictionary<string, string>();
        foreach (var (name, value) in fields)
        {
            values[name] = value;
        }

        return new(new("test.yaml", "dapr.io/v1alpha1", "Component", "statestore", new YamlMappingNode()), "state.postgresql", values, ".");
    }
}
