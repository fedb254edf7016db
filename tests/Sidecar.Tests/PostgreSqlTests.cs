using System.Net;
using System.Text;
using Lavka.Sidecar.Resources;
using Lavka.Sidecar.State;
using Lavka.Sidecar.Testing;
using Lavka.Testing;
using Npgsql;

namespace Lavka.Sidecar.Tests;

/// <summary>What state.postgresql promises beyond what every store does; see also <see cref="StateStoreTests"/>.</summary>
public sealed class PostgreSqlTests(PostgreSqlFixture postgreSql) : IClassFixture<PostgreSqlFixture>
{
    private readonly string _prefix = PostgreSqlFixture.NewPrefix();
    private readonly TestClock _time = new();

    private (string Name, string Value) Prefix => ("tablePrefix", _prefix);

    [PostgreSqlFact]
    public async Task The_tables_are_those_of_daprd()
    {
        var database = await postgreSql.Server.CreateDatabase("tables");
        await using var store = await postgreSql.Store(null, ("connectionString", database), ("tablePrefix", ""));
        await using var connection = await postgreSql.Server.Connect("tables");

        Assert.Equal(
            [
                "dapr_metadata key text NO", "dapr_metadata value text NO", "state key text NO", "state value bytea NO", "state etag uuid NO gen_random_uuid()",
                "state created_at timestamp with time zone NO now()", "state updated_at timestamp with time zone YES", "state expires_at timestamp with time zone YES", "state row_id bigint NO BY DEFAULT",
            ],
            await Rows(connection, """
                SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default, identity_generation)
                FROM information_schema.columns WHERE table_schema = 'public' ORDER BY table_name, ordinal_position
                """));
        Assert.Equal(
            ["dapr_metadata_pkey btree (key)", "state_expires_at_idx btree (expires_at)", "state_pkey btree (key)", "state_row_id_uidx btree (row_id)"],
            await Rows(connection, "SELECT indexname || ' ' || substring(indexdef from 'btree.*') FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname"));
        Assert.Equal(["lock=lock", "migrations-state-v2-=2"], await Rows(connection, "SELECT key || '=' || value FROM dapr_metadata ORDER BY key"));
    }

    [PostgreSqlFact]
    public async Task What_an_earlier_daprd_left_is_taken_over()
    {
        await using var connection = await postgreSql.Server.Connect();
        await Run(connection, $"""
            CREATE TABLE IF NOT EXISTS dapr_metadata (key text PRIMARY KEY, value text NOT NULL);
            INSERT INTO dapr_metadata VALUES ('migrations-state-v2-{_prefix}', '1');
            CREATE TABLE {_prefix}state (key text PRIMARY KEY, value bytea NOT NULL, etag uuid NOT NULL DEFAULT gen_random_uuid(), created_at timestamptz NOT NULL DEFAULT now(),
                updated_at timestamptz, expires_at timestamptz);
            CREATE INDEX ON {_prefix}state (expires_at);
            INSERT INTO {_prefix}state (key, value) VALUES ('a', '1'), ('b', '2');
            """);

        await using var store = await postgreSql.Store(null, Prefix);
        await store.Apply([new("c", "3"u8.ToArray())], default);

        Assert.Equal(["1", "2", "3"], (await store.Get(["a", "b", "c"], default)).Select(Text));
        Assert.Equal(["1", "2", "3"], (await Rows(connection, $"SELECT row_id::text FROM {_prefix}state")).Order());
    }

    [PostgreSqlFact]
    public async Task The_prefix_may_name_a_schema()
    {
        await using var connection = await postgreSql.Server.Connect();
        await Run(connection, "CREATE SCHEMA elsewhere");

        await using var store = await postgreSql.Store(null, ("tablePrefix", "elsewhere.my_"), ("metadataTableName", "elsewhere.told"));
        await store.Apply([new("k", "1"u8.ToArray())], default);

        Assert.Equal(["k"], await Rows(connection, "SELECT key FROM elsewhere.my_state"));
        Assert.Equal(["2"], await Rows(connection, "SELECT value FROM elsewhere.told WHERE key = 'migrations-state-v2-elsewhere.my_'"));
    }

    [PostgreSqlTheory]
    [InlineData("tablePrefix", "x; DROP TABLE state; --")]
    [InlineData("tablePrefix", "7_")]
    [InlineData("metadataTableName", "a b")]
    public async Task A_name_that_no_table_can_have_is_refused(string field, string name) =>
        Assert.Contains(field, (await Assert.ThrowsAsync<ResourceException>(() => postgreSql.Store(null, (field, name)))).Message, StringComparison.Ordinal);

    [PostgreSqlFact]
    public async Task Sidecars_that_start_together_on_a_new_database_all_start()
    {
        var database = await postgreSql.Server.CreateDatabase("together");

        var stores = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => postgreSql.Store(null, ("connectionString", database), ("tablePrefix", "")))));

        await stores[0].Apply([new("k", "1"u8.ToArray())], default);
        foreach (var store in stores)
        {
            Assert.Equal("1", Text((await store.Get(["k"], default))[0]));
            await store.DisposeAsync();
        }
    }

    [PostgreSqlFact]
    public async Task What_has_expired_is_deleted_when_its_time_comes()
    {
        await using var connection = await postgreSql.Server.Connect();
        await using var store = await postgreSql.Store(_time, Prefix, ("cleanupInterval", "10m"));
        await store.Apply([new("gone", "1"u8.ToArray(), Ttl: TimeSpan.FromMinutes(9)), new("later", "1"u8.ToArray(), Ttl: TimeSpan.FromMinutes(11)), new("for good", "1"u8.ToArray())], default);

        _time.Advance(TimeSpan.FromMinutes(10));

        await Eventually.Get(async () => await Rows(connection, $"SELECT key FROM {_prefix}state ORDER BY key") is ["for good", "later"] ? "" : null, "the clean-up");
    }

    [PostgreSqlFact]
    public async Task Of_several_sidecars_one_deletes_what_has_expired()
    {
        bool[] once;
        await using (var first = await postgreSql.Store(_time, Prefix))
        await using (var second = await postgreSql.Store(_time, Prefix))
        {
            once = await Task.WhenAll(first.DeleteExpired(default).AsTask(), second.DeleteExpired(default).AsTask());
        }

        _time.Advance(TimeSpan.FromMinutes(59));
        await using var third = await postgreSql.Store(_time, Prefix);
        var early = await third.DeleteExpired(default);
        _time.Advance(TimeSpan.FromMinutes(1));
        var later = await third.DeleteExpired(default);

        Assert.Equal([false, true], once.Order());
        Assert.Equal((false, true), (early, later));
    }

    [PostgreSqlFact]
    public async Task Writers_of_several_sidecars_lose_no_change()
    {
        const int rounds = 25;
        await using var first = await postgreSql.Store(null, Prefix);
        await using var second = await postgreSql.Store(null, Prefix);

        await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Task.Run(async () =>
        {
            for (var done = 0; done < rounds;)
            {
                done += await Increment(i % 2 == 0 ? first : second) ? 1 : 0;
            }
        })));

        Assert.Equal($"{8 * rounds}", Text((await first.Get(["count"], default))[0]));
    }

    [PostgreSqlFact]
    public async Task An_etag_that_is_no_UUID_is_a_mismatch()
    {
        await using var store = await postgreSql.Store();
        await store.Apply([new("k", "1"u8.ToArray())], default);

        await Assert.ThrowsAsync<ETagMismatchException>(async () => await store.Apply([new("k", "2"u8.ToArray(), "7")], default));
        await Assert.ThrowsAsync<ETagMismatchException>(async () => await store.Apply([new("k", null, "7")], default));
        await Assert.ThrowsAsync<ETagMismatchException>(async () => await store.Apply([new("other", "1"u8.ToArray()), new("k", null, Guid.NewGuid().ToString())], default));

        Assert.Equal(["1", null], (await store.Get(["k", "other"], default)).Select(Text));
    }

    [PostgreSqlFact]
    public async Task A_transaction_is_made_in_its_order()
    {
        await using var store = await postgreSql.Store();

        await store.Apply([new("k", "1"u8.ToArray()), new("j", "0"u8.ToArray()), new("k", null), new("k", "2"u8.ToArray(), FirstWrite: true), new("j", null)], default);

        Assert.Equal(["2", null], (await store.Get(["k", "j"], default)).Select(Text));
    }

    [PostgreSqlFact]
    public async Task A_get_of_several_keys_answers_in_their_order()
    {
        await using var store = await postgreSql.Store();
        await store.Apply([new("a", "1"u8.ToArray()), new("b", "{ \"x\" : \"ключ ☃\" }"u8.ToArray())], default);

        Assert.Equal(["{ \"x\" : \"ключ ☃\" }", null, "1", "{ \"x\" : \"ключ ☃\" }"], (await store.Get(["b", "none", "a", "b"], default)).Select(Text));
    }

    [PostgreSqlFact]
    public async Task A_scan_takes_the_prefix_as_it_is()
    {
        await using var store = await postgreSql.Store(_time);
        await store.Apply([new(@"a%_\1", "1"u8.ToArray()), new(@"a%_\2", "2"u8.ToArray(), Ttl: TimeSpan.FromSeconds(5)), new("axx1", "3"u8.ToArray()), new("A%_", "4"u8.ToArray())], default);
        _time.Advance(TimeSpan.FromSeconds(6));

        Assert.Equal([@"a%_\1"], (await store.Scan(@"a%_\", default)).Select(item => item.Key));
    }

    [PostgreSqlFact]
    public async Task There_are_no_more_connections_than_maxConns()
    {
        await using var connection = await postgreSql.Server.Connect();
        await using var store = await postgreSql.Store(null, Prefix, ("connectionString", $"{postgreSql.Server.ConnectionString} application_name={_prefix}"), ("maxConns", "2"));

        await Task.WhenAll(Enumerable.Range(0, 50).Select(i => store.Apply([new($"{i}", "1"u8.ToArray())], default).AsTask()));

        Assert.Equal(["2"], await Rows(connection, $"SELECT count(*)::text FROM pg_stat_activity WHERE application_name = '{_prefix}'"));
        Assert.Equal(["50"], await Rows(connection, $"SELECT count(*)::text FROM {_prefix}state"));
    }

    [PostgreSqlFact]
    public async Task A_transaction_that_meets_a_deadlock_is_made_again()
    {
        await using var store = await postgreSql.Store(null, Prefix);
        await store.Apply([new("a", "0"u8.ToArray()), new("b", "0"u8.ToArray())], default);
        await using var other = await postgreSql.Server.Connect();
        await using var watch = await postgreSql.Server.Connect();
        await Run(other, $"SET deadlock_timeout = '1min'; BEGIN; UPDATE {_prefix}state SET value = '1' WHERE key = 'b'");

        var change = store.Apply([new("a", "2"u8.ToArray()), new("b", "2"u8.ToArray())], default).AsTask();
        await Eventually.Get(async () => await Rows(watch, $"SELECT query FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%{_prefix}%'") is [_] ? "" : null, "the store to wait");
        await Run(other, $"UPDATE {_prefix}state SET value = '1' WHERE key = 'a'; COMMIT");
        await change;

        Assert.Equal(["2", "2"], (await store.Get(["a", "b"], default)).Select(Text));
    }

    [PostgreSqlFact]
    public async Task Transactions_with_the_same_keys_in_any_order_all_succeed()
    {
        await using var store = await postgreSql.Store();
        string[] keys = ["a", "b", "c", "d"];

        await Task.WhenAll(Enumerable.Range(0, 100).Select(i => Task.Run(async () =>
            await store.Apply([.. keys.Concat(keys).Skip(i % 4).Take(4).Select(key => new StateOperation(key, Encoding.UTF8.GetBytes($"{i}")))], default))));

        Assert.Single((await store.Get(keys, default)).Select(Text).Distinct());
    }

    [PostgreSqlTheory]
    [InlineData("sslmode=require", true)]
    [InlineData("sslmode=verify-ca sslrootcert={root}", true)]
    [InlineData("sslmode=verify-full sslrootcert={root} host={name} hostaddr=127.0.0.1", true)]
    [InlineData("sslmode=verify-full sslrootcert={root}", false)]
    [InlineData("sslmode=verify-ca", false)]
    public async Task The_servers_certificate_is_checked_as_the_sslmode_says(string settings, bool isTrusted)
    {
        settings = settings.Replace("{root}", postgreSql.Server.RootCertificate, StringComparison.Ordinal).Replace("{name}", PostgreSqlServer.CertificateName, StringComparison.Ordinal);

        var start = async () => await (await postgreSql.Store(null, ("connectionString", $"{postgreSql.Server.ConnectionString} {settings}"))).DisposeAsync();

        Assert.Equal(isTrusted, await Record.ExceptionAsync(start) is null);
    }

    [PostgreSqlFact]
    public async Task The_API_keeps_state_and_tells_its_ETag_and_end()
    {
        await using var test = await TestApp.Start(options: new() { Resources = [TestApp.Component("statestore", "state.postgresql", ("connectionString", postgreSql.Server.ConnectionString), Prefix)] });

        Assert.Equal(HttpStatusCode.NoContent, (await test.Post("/v1.0/state/statestore", """[{"key":"k","value":{"n":1},"metadata":{"ttlInSeconds":"60"}}]""")).Status);
        using var response = await test.Dapr.Http.GetAsync(new Uri("/v1.0/state/statestore/k", UriKind.Relative));
        Assert.Equal("""{"n":1}""", await response.Content.ReadAsStringAsync());
        Assert.True(response.Headers.Contains("metadata.ttlExpireTime"));
        Assert.True(Guid.TryParse(response.Headers.NonValidated["ETag"].ToString(), out _));
        var again = await test.Post("/v1.0/state/statestore", """[{"key":"k","value":2,"options":{"concurrency":"first-write"}}]""");
        Assert.Equal(HttpStatusCode.Conflict, again.Status);
        test.Dapr.Clock.Advance(TimeSpan.FromSeconds(61));
        Assert.Equal("", (await test.Get("/v1.0/state/statestore/k")).Body);
    }

    [Theory]
    [InlineData("v1")]
    [InlineData("")]
    public async Task Another_version_is_refused(string version)
    {
        using var folder = new SidecarFolder();
        folder.With("x.yaml", $"apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata:\n  name: x\nspec:\n  type: state.postgresql\n  version: {version}\n  metadata: []\n");

        var error = await Assert.ThrowsAsync<ResourceException>(() => Sidecar.StartAsync(folder.Options("app")));

        Assert.Contains("write version: v2", error.Message, StringComparison.Ordinal);
    }

    private static string? Text(StateItem? item) => item is null ? null : Encoding.UTF8.GetString(item.Value);

    private static async Task<bool> Increment(PostgreSqlStateStore store)
    {
        var item = (await store.Get(["count"], default))[0];
        try
        {
            await store.Apply([new("count", Encoding.UTF8.GetBytes($"{int.Parse(Text(item) ?? "0") + 1}"), item?.ETag, FirstWrite: true)], default);
            return true;
        }
        catch (ETagMismatchException)
        {
            return false;
        }
    }

    private static async Task Run(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    private static async Task<List<string>> Rows(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await using var reader = await command.ExecuteReaderAsync();
        var rows = new List<string>();
        while (await reader.ReadAsync())
        {
            rows.Add(reader.GetString(0));
        }

        return rows;
    }
}
