using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Lavka.Sidecar.Resources;
using Lavka.Testing;
using Npgsql;

namespace Lavka.Sidecar.Tests;

/// <summary>A PostgreSQL that refuses, is not there, goes away and comes back.</summary>
public sealed class PostgreSqlFailureTests(PostgreSqlFixture postgreSql) : IClassFixture<PostgreSqlFixture>, IAsyncLifetime
{
    private readonly SidecarFolder _folder = new();

    public Task InitializeAsync() => PostgreSqlServer.WhatIsMissing is null ? postgreSql.Server.Start() : Task.CompletedTask;

    public Task DisposeAsync()
    {
        _folder.Dispose();
        return Task.CompletedTask;
    }

    [PostgreSqlTheory]
    [InlineData("password=wrong-s3cr3t", "password authentication failed")]
    [InlineData("dbname=nowhere", "\"nowhere\" does not exist")]
    [InlineData("sslmode=verify-full", "certificate")]
    public async Task What_will_not_change_by_itself_is_refused_at_once_with_a_message_that_says_what_and_where(string setting, string reason)
    {
        var server = postgreSql.Server;

        var error = await StartError($"{server.ConnectionString} {setting}", initTimeout: "10m");

        Assert.Contains($"statestore': it cannot start: PostgreSQL at 127.0.0.1:{server.Port}, database '", error, StringComparison.Ordinal);
        Assert.Contains(reason, error, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cr3t", error, StringComparison.Ordinal);
        Assert.DoesNotContain(PostgreSqlServer.Password, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_is_not_there_within_initTimeout_is_named()
    {
        var port = Ports.Free();

        var error = await StartError($"host=127.0.0.1 port={port} user=lavka password=s3cr3t dbname=shop", initTimeout: "500ms");

        Assert.Contains($"PostgreSQL at 127.0.0.1:{port}, database 'shop': Connection refused", error, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cr3t", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_does_not_answer_within_initTimeout_is_named()
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        var port = ((IPEndPoint)silent.LocalEndpoint).Port;

        var error = await StartError($"host=127.0.0.1 port={port} user=lavka password=s3cr3t dbname=shop", initTimeout: "500ms");

        Assert.Contains($"PostgreSQL at 127.0.0.1:{port}, database 'shop': it does not answer", error, StringComparison.Ordinal);
    }

    [PostgreSqlFact]
    public async Task A_server_that_comes_within_initTimeout_is_waited_for()
    {
        await postgreSql.Server.Stop();
        Describe(postgreSql.Server.ConnectionString, initTimeout: "1m");

        var starting = Sidecar.StartAsync(_folder.Options("app"));
        await postgreSql.Server.Start();

        await using var sidecar = await starting;
    }

    [PostgreSqlFact]
    public async Task While_the_server_is_away_calls_fail_and_once_it_is_back_they_succeed()
    {
        await using var test = await TestApp.Start(options: new()
        {
            Resources = [TestApp.Component("statestore", "state.postgresql", ("connectionString", postgreSql.Server.ConnectionString), ("tablePrefix", PostgreSqlFixture.NewPrefix()))],
        });
        await test.Post("/v1.0/state/statestore", """[{"key":"k","value":1}]""");

        await postgreSql.Server.Stop();
        var get = await test.Get("/v1.0/state/statestore/k");
        var save = await test.Post("/v1.0/state/statestore", """[{"key":"k","value":2}]""");
        await postgreSql.Server.Start();
        var then = await test.Get("/v1.0/state/statestore/k");

        var where = $"PostgreSQL at 127.0.0.1:{postgreSql.Server.Port}, database 'lavka'";
        Assert.Equal(HttpStatusCode.InternalServerError, get.Status);
        Assert.Contains($"fail to get k from state store statestore: {where}: ", get.Body, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.InternalServerError, save.Status);
        Assert.Contains("ERR_STATE_SAVE", save.Body, StringComparison.Ordinal);
        Assert.Contains($"{where}: Connection refused", save.Body, StringComparison.Ordinal);
        Assert.Equal("1", then.Body);
    }

    [PostgreSqlTheory]
    [InlineData("get")]
    [InlineData("save")]
    [InlineData("transaction")]
    public async Task The_first_call_after_a_restart_that_nobody_saw_succeeds(string call)
    {
        await using var store = await postgreSql.Store();
        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => store.Apply([new($"{i}", "1"u8.ToArray())], default).AsTask()));

        await postgreSql.Server.Stop();
        await postgreSql.Server.Start();
        await (call switch
        {
            "get" => store.Get(["0"], default).AsTask(),
            "save" => store.Apply([new("0", "2"u8.ToArray())], default).AsTask(),
            _ => store.Apply([new("0", "2"u8.ToArray()), new("1", null)], default).AsTask(),
        });

        Assert.Equal(call == "get" ? "1"u8.ToArray() : "2"u8.ToArray(), (await store.Get(["0"], default))[0]!.Value);
    }

    [PostgreSqlFact]
    public async Task What_was_acknowledged_is_there_after_crashes_under_load()
    {
        await using var store = await postgreSql.Store();
        var acknowledged = new ConcurrentDictionary<string, string>();
        using var enough = new CancellationTokenSource();
        var writers = Enumerable.Range(0, 8).Select(writer => Task.Run(async () =>
        {
            for (var i = 0; !enough.IsCancellationRequested; i++)
            {
                await Write(writer, i);
            }
        })).ToList();

        for (var crash = 0; crash < 3; crash++)
        {
            await SomeMore();
            await postgreSql.Server.Stop();
            await postgreSql.Server.Start();
        }

        await SomeMore();
        await enough.CancelAsync();
        await Task.WhenAll(writers);

        var items = await store.Get([.. acknowledged.Keys], default);
        Assert.All(acknowledged.Keys.Zip(items), pair => Assert.Equal(acknowledged[pair.First], pair.Second is null ? null : System.Text.Encoding.UTF8.GetString(pair.Second.Value)));

        async Task Write(int writer, int i)
        {
            var (key, pair, value) = ($"{writer}-{i}", $"{writer}-{i}-pair", i.ToString(CultureInfo.InvariantCulture));
            var bytes = System.Text.Encoding.UTF8.GetBytes(value);
            try
            {
                await store.Apply(i % 2 == 0 ? [new(key, bytes)] : [new(key, bytes), new(pair, bytes)], default);
                acknowledged[key] = value;
                if (i % 2 == 1)
                {
                    acknowledged[pair] = value;
                }
            }
            catch (IOException)
            {
                // Not acknowledged, so not promised.
            }
        }

        async Task SomeMore()
        {
            var before = acknowledged.Count;
            await Eventually.Holds(() => acknowledged.Count > before + 100, "more writes");
        }
    }

    [PostgreSqlFact]
    public async Task A_call_that_takes_longer_than_the_timeout_fails_and_does_not_spoil_the_next()
    {
        var prefix = PostgreSqlFixture.NewPrefix();
        await using var store = await postgreSql.Store(null, ("tablePrefix", prefix), ("timeout", "1s"), ("maxConns", "1"));
        await store.Apply([new("k", "1"u8.ToArray())], default);
        await using var other = await postgreSql.Server.Connect();
        await using (var hold = new NpgsqlCommand($"BEGIN; UPDATE {prefix}state SET value = '2'", other))
        {
            await hold.ExecuteNonQueryAsync();
        }

        var error = await Assert.ThrowsAsync<TimeoutException>(async () => await store.Apply([new("k", "3"u8.ToArray())], default));

        Assert.EndsWith("no answer within 1s", error.Message, StringComparison.Ordinal);
        Assert.Equal("1"u8.ToArray(), (await store.Get(["k"], default))[0]!.Value);
    }

    [PostgreSqlFact]
    public async Task A_server_that_falls_silent_is_not_waited_for_longer_than_the_timeout()
    {
        await using var relay = new Relay(postgreSql.Server.Port);
        await using var store = await postgreSql.Store(null, ("connectionString", $"{postgreSql.Server.ConnectionString} port={relay.Port}"), ("timeout", "1s"), ("maxConns", "2"));
        await store.Apply([new("k", "1"u8.ToArray())], default);

        relay.Pause();
        await Assert.ThrowsAsync<TimeoutException>(async () => await store.Get(["k"], default));
        await Assert.ThrowsAsync<TimeoutException>(async () => await store.Apply([new("k", "2"u8.ToArray()), new("j", "2"u8.ToArray())], default));
        relay.Resume();

        await Eventually.Get(async () =>
        {
            try
            {
                return (await store.Get(["k", "j"], default))[0]!.Value is [(byte)'1'] ? "" : throw new InvalidOperationException("A transaction that failed changed something.");
            }
            catch (TimeoutException)
            {
                return null;
            }
        }, "an answer");
    }

    private void Describe(string connectionString, string initTimeout) => _folder.With("statestore.yaml", $"""
        apiVersion: dapr.io/v1alpha1
        kind: Component
        metadata:
          name: statestore
        spec:
          type: state.postgresql
          version: v2
          initTimeout: {initTimeout}
          metadata:
          - name: connectionString
            value: "{connectionString.Replace("\\", "\\\\", StringComparison.Ordinal)}"
          - name: tablePrefix
            value: {PostgreSqlFixture.NewPrefix()}
        """);

    private async Task<string> StartError(string connectionString, string initTimeout)
    {
        Describe(connectionString, initTimeout);
        return (await Assert.ThrowsAsync<ResourceException>(() => Sidecar.StartAsync(_folder.Options("app")))).Message;
    }
}
