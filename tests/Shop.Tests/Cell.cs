using System.Reflection;
using Lavka.Sidecar.Testing;
using Lavka.Testing;
using Xunit.Sdk;

namespace Lavka.Shop.Tests;

/// <summary>A broker and a database, each with servers of its own where it needs one, and the shop's folder with nothing changed for them but two YAML files.</summary>
internal sealed class Cell : IAsyncDisposable
{
    public static readonly string[] Brokers = ["embedded", "in-memory", "rabbitmq", "kafka", "redis"];
    public static readonly string[] Stores = ["sqlite", "postgresql", "redis"];

    /// <summary>How many orders a demo has in every cell (LAVKA_MATRIX_ORDERS); null: some cells do, and fewer orders.</summary>
    public static readonly string? MatrixOrders = Environment.GetEnvironmentVariable("LAVKA_MATRIX_ORDERS");

    public static bool EveryOneIsAskedFor => MatrixOrders is not null;

    public ShopFolder Shop { get; } = new();

    public RabbitMqServer? RabbitMq { get; private set; }

    public KafkaMockCluster? Kafka { get; private set; }

    /// <summary>With the events. The databases, where they are in Redis, have one of their own.</summary>
    public RedisServer? RedisBroker { get; private set; }

    public PostgreSqlServer? PostgreSql { get; private set; }

    public RedisServer? RedisStore { get; private set; }

    /// <param name="broker">One of <see cref="Brokers"/>.</param>
    /// <param name="store">One of <see cref="Stores"/>.</param>
    public static async Task<Cell> Start(string broker, string store)
    {
        var cell = new Cell();
        try
        {
            await cell.StartBroker(broker);
            await cell.StartStore(store);
            return cell;
        }
        catch
        {
            await cell.DisposeAsync();
            throw;
        }
    }

    /// <summary>Takes the broker away, as a crash does, and gives it back after a while.</summary>
    public async Task InterruptBroker(TimeSpan length, Func<Task> meanwhile)
    {
        Kafka?.Stop();
        await (RabbitMq?.Stop() ?? Task.CompletedTask);
        await (RedisBroker?.Stop() ?? Task.CompletedTask);
        try
        {
            await Task.WhenAll(Task.Delay(length), meanwhile());
        }
        finally
        {
            Kafka?.Resume();
            await (RabbitMq?.Restart() ?? Task.CompletedTask);
            await (RedisBroker?.Restart() ?? Task.CompletedTask);
        }
    }

    /// <summary>Takes the databases away, as a crash does, and gives them back after a while.</summary>
    public async Task InterruptStore(TimeSpan length, Func<Task> meanwhile)
    {
        await (PostgreSql?.Stop() ?? Task.CompletedTask);
        await (RedisStore?.Stop() ?? Task.CompletedTask);
        try
        {
            await Task.WhenAll(Task.Delay(length), meanwhile());
        }
        finally
        {
            await (PostgreSql?.Start() ?? Task.CompletedTask);
            await (RedisStore?.Restart() ?? Task.CompletedTask);
        }
    }

    /// <summary>Why there cannot be such a cell on this machine, or null.</summary>
    public static string? WhatIsMissing(string broker, string store) =>
        (broker == "rabbitmq" ? RabbitMqServer.WhatIsMissing : null) ?? (store == "postgresql" ? PostgreSqlServer.WhatIsMissing : null)
        ?? (broker == "redis" || store == "redis" ? RedisServer.WhatIsMissing : null);

    public async ValueTask DisposeAsync()
    {
        Kafka?.Dispose();
        await (RabbitMq?.DisposeAsync() ?? default);
        await (RedisBroker?.DisposeAsync() ?? default);
        await (PostgreSql?.DisposeAsync() ?? default);
        await (RedisStore?.DisposeAsync() ?? default);
        Shop.Dispose();
    }

    private async Task StartBroker(string broker)
    {
        switch (broker)
        {
            case "in-memory":
                Shop.Take("in-memory/pubsub.yaml", "pubsub.in-memory", "pubsub.in-memory");
                break;
            case "rabbitmq":
                RabbitMq = await RabbitMqServer.Start();
                Shop.Take("rabbitmq/pubsub.yaml", "localhost:5672", $"127.0.0.1:{RabbitMq.Port}");
                break;
            case "kafka":
                Kafka = new();
                Shop.Take("kafka/pubsub.yaml", "localhost:9092", Kafka.BootstrapServers);
                break;
            case "redis":
                RedisBroker = await RedisServer.Start();
                Shop.Take("redis/pubsub.yaml", "localhost:6379", RedisBroker.Address);
                break;
        }
    }

    private async Task StartStore(string store)
    {
        switch (store)
        {
            case "postgresql":
                PostgreSql = await PostgreSqlServer.StartAsync();
                Shop.Take("postgresql/statestore.yaml", "host=localhost port=5432 user=lavka password=lavka database=lavka connect_timeout=10", PostgreSql.ConnectionString);
                break;
            case "redis":
                RedisStore = await RedisServer.Start();
                Shop.Take("redis/statestore.yaml", "localhost:6379", RedisStore.Address);
                break;
        }
    }
}

/// <summary>A test needs this broker and this database, or is skipped where a server is missing.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class CellFactAttribute : FactAttribute
{
    public CellFactAttribute(string broker, string store) => Skip = Cell.WhatIsMissing(broker, store);
}

/// <summary>A test runs on this broker and this database, or is skipped where a server is missing.</summary>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
public sealed class CellDataAttribute(string broker, string store) : DataAttribute
{
    /// <summary>Only where every cell is asked for: by <c>.ci/matrix</c>. In the gate others show the same of this broker, and of this database.</summary>
    public bool InMatrixOnly { get; init; }

    /// <summary>Only where processes can be told to stand still.</summary>
    public bool OnLinuxOnly { get; init; }

    public override string? Skip => !IsAskedFor ? null : OnLinuxOnly && !OperatingSystem.IsLinux() ? "It needs Linux." : Cell.WhatIsMissing(broker, store);

    private bool IsAskedFor => !InMatrixOnly || Cell.EveryOneIsAskedFor;

    public override IEnumerable<object[]> GetData(MethodInfo testMethod) => IsAskedFor ? [[broker, store]] : [];
}
