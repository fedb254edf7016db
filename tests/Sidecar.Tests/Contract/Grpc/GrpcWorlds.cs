namespace Lavka.Sidecar.Tests.Contract.Grpc;

/// <summary>The recorded worlds that the embedded sidecar answers.</summary>
internal static class GrpcWorlds
{
    public static IReadOnlyList<string> On { get; } =
    [
        "secrets",
        "state-sqlite",
    ];
}
