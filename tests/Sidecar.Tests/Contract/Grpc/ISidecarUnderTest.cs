namespace Lavka.Sidecar.Tests.Contract.Grpc;

/// <summary>What is to answer as recorded: the embedded sidecar in this process, or a process with daprd's command line.</summary>
internal interface ISidecarUnderTest : IAsyncDisposable
{
    Uri Http { get; }

    Uri Grpc { get; }

    /// <summary>How the process ended; null: it has not.</summary>
    Task<int?> ExitCode(TimeSpan within);
}

/// <summary>How it is started.</summary>
/// <param name="Resources">A folder.</param>
/// <param name="Config">A file.</param>
/// <param name="Arguments">Further ones of daprd's command line.</param>
/// <param name="WarmUp">How long the recording waited for a daprd that was ready.</param>
/// <param name="HasControl">Whether there is a placement and a scheduler service.</param>
internal sealed record SidecarStart(
    string AppId, int? AppPort, string AppProtocol, string Resources, string? Config, IReadOnlyDictionary<string, string> Environment, IReadOnlyList<string> Arguments, TimeSpan WarmUp, bool HasControl);
