using System.Text;
using Lavka.Sidecar.State;
using Lavka.Sidecar.Testing;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests;

/// <summary>What every state store promises, whichever it is.</summary>
public sealed class StateStoreTests(PostgreSqlFixture postgreSql) : IClassFixture<PostgreSqlFixture>, IDisposable
{
    private readonly SidecarFolder _folder = new();
    private readonly TestClock _time = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("state.in-memory")]
    [InlineData("state.sqlite")]
    [PostgreSqlData("state.postgresql")]
    [RedisData("state.redis")]
    public async Task A_save_with_an_old_etag_is_refused_and_changes_nothing(string type)
    {
        await using var store = await Make(type);
        await store.Apply([new("k", Json("1"))], default);
        var old = (await store.Get(["k"], default))[0]!.ETag;
        await store.Apply([new("k", Json("2"), old)], default);

        await Assert.ThrowsAsync<ETagMismatchException>(async () => await store.Apply([new("k", Json("3"), old)], default));

        Assert.Equal("2", await Read(store, "k"));
    }

    [Theory]
    [InlineData("state.in-memory")]
    [InlineData("state.sqlite")]
    [PostgreSqlData("state.postgresql")]
    [RedisData("state.redis")]
    public async Task First_write_without_an_etag_needs_that_there_is_nothing(string type)
    {
        await using var store = await Make(type);
        await store.Apply([new("k", Json("1"), FirstWrite: true)], default);

        await Assert.ThrowsAsync<ETagMismatchException>(async () => await store.Apply([new("k", Json("2"), FirstWrite: true)], default));

        Assert.Equal("1", await Read(store, "k"));
    }

    [Theory]
    [InlineData("state.in-memory")]
    [InlineData("state.sqlite")]
    [PostgreSqlData("state.postgresql")]
    [RedisData("state.redis")]
    public async Task A_transaction_with_one_conflict_changes_nothing(string type)
    {
        await using var store = await Make(type);
        await store.Apply([new("a", Json("1"))], default);

        await Assert.ThrowsAsync<ETagMismatchException>(async () => await store.Apply([new("b", Json("2")), new("a", Json("3"), "99")], default));

        Assert.Equal("1", await Read(store, "a"));
        Assert.Null(await Read(store, "b"));
    }

    [Theory]
    [InlineData("state.in-memory")]
    [InlineData("state.sqlite")]
    [PostgreSqlData("state.postgresql")]
    [RedisData("state.redis")]
    public async Task Of_many_writers_with_the_same_etag_one_wins(string type)
    {
        await using var store = await Make(type);
        await store.Apply([new("k", Json("0"))], default);
        var etag = (await store.Get(["k"], default))[0]!.ETag;

        var outcomes = await Task.WhenAll(Enumerable.Range(1, 32).Select(i => Task.Run(async () =>
        {
            try
            {
                await store.Apply([new("k", Json($"{i}"), etag)], default);
                return true;
            }
            catch (ETagMismatchException)
            {
                return false;
            }
        })));

        Assert.Single(outcomes, won => won);
    }

    [Theory]
    [InlineData("state.in-memory")]
    [InlineData("state.sqlite")]
    [PostgreSqlData("state.postgresql")]
    public async Task What_has_a_ttl_is_gone_after_it_and_may_be_written_first_again(string type)
    {
        await using var store = await Make(type);
        await store.Apply([new("k", Json("1"), Ttl: TimeSpan.FromSeconds(10))], default);
        Assert.Equal("1", await Read(store, "k"));

        _time.Advance(TimeSpan.FromSeconds(11));

        Assert.Null(await Read(store, "k"));
        await store.Apply([new("k", Json("2"), FirstWrite: true)], default);
        Assert.Equal("2", await Read(store, "k"));
    }

    [Fact]
    public async Task Sqlite_keeps_what_was_saved_when_it_is_opened_again()
    {
        await using (var store = await Make("state.sqlite"))
        {
            await store.Apply([new("k", Json("\"ключ ☃\""))], default);
        }

        await using var again = await Make("state.sqlite");
        Assert.Equal("\"ключ ☃\"", await Read(again, "k"));
    }

    private static byte[] Json(string text) => Encoding.UTF8.GetBytes(text);

    private static async Task<string?> Read(IStateStore store, string key) => (await store.Get([key], default))[0] is { } item ? Encoding.UTF8.GetString(item.Value) : null;

    private async Task<IStateStore> Make(string type) => type switch
    {
        "state.in-memory" => new InMemoryStateStore(_time),
        "state.postgresql" => await postgreSql.Store(_time),
        "state.redis" => await RedisComponents.Store(await RedisServer.Shared),
        _ => new SqliteStateStore(SqliteStateOptions.From(new(new("test.yaml", "dapr.io/v1alpha1", "Component", "statestore", new YamlDotNet.RepresentationModel.YamlMappingNode()), type,
            new Dictionary<string, string> { ["connectionString"] = "state.db" }, _folder.Data)), _time),
    };
}

public sealed class StateApiTests
{
    [Fact]
    public async Task Of_several_items_one_that_conflicts_does_not_keep_the_others_from_being_saved()
    {
        await using var test = await TestApp.Start();

        var answer = await test.Post("/v1.0/state/statestore", """[{"key":"a","value":1},{"key":"b","value":2,"etag":"other"},{"key":"c","value":3}]""");

        Assert.Equal(System.Net.HttpStatusCode.Conflict, answer.Status);
        Assert.Equal("1", (await test.Get("/v1.0/state/statestore/a")).Body);
        Assert.Equal("", (await test.Get("/v1.0/state/statestore/b")).Body);
        Assert.Equal("3", (await test.Get("/v1.0/state/statestore/c")).Body);
    }

    [Theory]
    [InlineData("""[{"key":"a","value":1},{"key":"b","value":1,"metadata":{"x":5}}]""")]
    [InlineData("""[{"key":"a","value":1},{"key":"b","options":"x"}]""")]
    [InlineData("""[{"key":"a","value":1},{"key":5}]""")]
    [InlineData("""[{"key":"a","value":1},null]""")]
    public async Task A_body_of_another_shape_saves_nothing(string body)
    {
        await using var test = await TestApp.Start();

        var answer = await test.Post("/v1.0/state/statestore", body);

        Assert.Contains("ERR_MALFORMED_REQUEST", answer.Body, StringComparison.Ordinal);
        Assert.Equal("", (await test.Get("/v1.0/state/statestore/a")).Body);
    }
}
