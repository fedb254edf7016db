using Lavka.Sidecar.Bindings;
using Lavka.Sidecar.Configuration;
using Lavka.Sidecar.Conversation;
using Lavka.Sidecar.Crypto;
using Lavka.Sidecar.Locks;
using Lavka.Sidecar.PubSub;
using Lavka.Sidecar.PubSub.Redis;
using Lavka.Sidecar.Secrets;
using Lavka.Sidecar.State;

namespace Lavka.Sidecar.Resources;

/// <summary>What a component is made with.</summary>
internal sealed record ComponentContext(ComponentMetadata Metadata, SidecarOptions Options, SidecarMesh Mesh, ILoggerFactory Logs);

/// <summary>The component types there are. A new one is a class and a line here.</summary>
internal static class ComponentTypes
{
    private static readonly Dictionary<string, Func<ComponentContext, IComponent>> Makers = new(StringComparer.OrdinalIgnoreCase)
    {
        ["pubsub.in-memory"] = c => c.Mesh.Share(c.Metadata, $"pubsub.in-memory {c.Metadata.Name}", () => new InMemoryPubSub(c.Metadata.Number("maxInFlight", 1, 1, 10_000))),
        ["pubsub.embedded"] = EmbeddedLogOf,
        ["pubsub.kafka"] = c => new KafkaPubSub(KafkaOptions.From(c.Metadata), c.Logs.CreateLogger<KafkaPubSub>()),
        ["pubsub.rabbitmq"] = c => new RabbitMqPubSub(RabbitMqOptions.From(c.Metadata), c.Logs.CreateLogger<RabbitMqPubSub>()),
        ["pubsub.redis"] = c => new RedisPubSub(RedisPubSubOptions.From(c.Metadata), c.Logs.CreateLogger<RedisPubSub>()),
        ["state.in-memory"] = c => OfInstances(c, "", () => new InMemoryStateStore(c.Options.Time)),
        ["state.postgresql"] = c => new PostgreSqlStateStore(c.Metadata, c.Options.Time, c.Logs),
        ["state.redis"] = c => new RedisStateStore(c.Metadata, c.Logs.CreateLogger<RedisStateStore>()),
        ["state.sqlite"] = SqliteStateStoreOf,
        ["secretstores.local.env"] = c => new EnvironmentSecretStore(c.Metadata, c.Options.Environment),
        ["secretstores.local.file"] = c => new FileSecretStore(c.Metadata),
        ["configuration.embedded"] = c => new EmbeddedConfiguration(c.Metadata, c.Logs.CreateLogger<EmbeddedConfiguration>()),
        ["configuration.redis"] = c => new RedisConfiguration(c.Metadata, c.Logs.CreateLogger<RedisConfiguration>()),
        ["lock.embedded"] = c => new EmbeddedLock(c.Metadata, c.Options.Time),
        ["lock.redis"] = c => new RedisLock(c.Metadata, c.Logs.CreateLogger<RedisLock>()),
        ["conversation.echo"] = _ => new EchoConversation(),
        ["crypto.dapr.jwks"] = c => new JwksCrypto(c.Metadata, c.Options.Time),
        ["crypto.dapr.localstorage"] = c => new LocalStorageCrypto(c.Metadata),
        ["bindings.cron"] = c => new CronBinding(c.Metadata, c.Options.Time),
        ["bindings.http"] = c => new HttpBinding(c.Metadata),
        ["bindings.localstorage"] = c => new LocalStorageBinding(c.Metadata),
        ["bindings.smtp"] = c => new SmtpBinding(c.Metadata),
    };

    /// <summary>Every type, in alphabetical order.</summary>
    public static IReadOnlyList<string> All { get; } = [.. Makers.Keys.Order(StringComparer.Ordinal)];

    public static Func<ComponentContext, IComponent>? Find(string type) => Makers.GetValueOrDefault(type);

    /// <summary>Instances of an app share what is theirs alone, as long as they want the same store.</summary>
    private static IStateStore OfInstances(ComponentContext context, string which, Func<IStateStore> make) =>
        context.Mesh.Share(context.Metadata, $"{context.Metadata.Type} {context.Metadata.Name} of {context.Options.AppId} {which}", make);

    /// <summary>The version there is of a type. daprd's first one of state.postgresql keeps its items in another kind of table.</summary>
    public static string VersionOf(string type) => type.Equals("state.postgresql", StringComparison.OrdinalIgnoreCase) ? "v2" : "v1";

    private static IStateStore SqliteStateStoreOf(ComponentContext context)
    {
        var options = SqliteStateOptions.From(context.Metadata);
        return OfInstances(context, options.ToString(), () => new SqliteStateStore(options, context.Options.Time));
    }

    private static EmbeddedLog EmbeddedLogOf(ComponentContext context)
    {
        var options = EmbeddedLogOptions.From(context.Metadata);
        return context.Mesh.Share(context.Metadata, options.Path, () => new EmbeddedLog(options, context.Options.Time, context.Logs.CreateLogger<EmbeddedLog>()));
    }
}
