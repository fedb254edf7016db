namespace Lavka.Sidecar.Tests.Contract.Grpc;

/// <summary>The recorded worlds that the embedded sidecar answers.</summary>
internal static class GrpcWorlds
{
    public static IReadOnlyList<string> On { get; } =
    [
        "body-size",
        "denied",
        "pubsub",
        "pubsub-bare",
        "pubsub-declarative",
        "pubsub-list-fails",
        "pubsub-no-callbacks",
        "pubsub-none",
        "pubsub-scopes",
        "pubsub-timeout",
        "redis",
        "redis-pubsub",
        "secrets",
        "shutdown",
        "state",
        "state-none",
        "state-sqlite",
        "streaming",
        "streaming-no-app",
        "streaming-shutdown",
        "invoke-http",
        "invoke-grpc",
        "proxy-to-http-app",
        "invoke-no-app",
        "invoke-h2c",
        "invoke-resiliency",
        "invoke-endpoints",
        "invoke-callee-acl",
        "invoke-acl",
        "tracing",
        "tokens",
        "allowed",
        "body-size-set",
        "app-health-unimplemented",
        "tracing-off",
        "misc",
        "app-health",
        "proxy",
    ];
}
