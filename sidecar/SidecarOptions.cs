using System.Collections;
using Lavka.Sidecar.Testing;

namespace Lavka.Sidecar;

/// <summary>How to start a sidecar. The names are those of daprd's command line (Dapr: reference/arguments-annotations-overview).</summary>
public sealed class SidecarOptions
{
    /// <summary>The app's id, by which others invoke it, and which its state and subscriptions carry.</summary>
    public required string AppId { get; init; }

    /// <summary>The port the app listens on; null when there is no app, only clients of the sidecar.</summary>
    public int? AppPort { get; init; }

    /// <summary>The host the app listens on.</summary>
    public string AppChannelAddress { get; init; } = "127.0.0.1";

    /// <summary>How many requests the app gets at once; null: no limit.</summary>
    public int? AppMaxConcurrency { get; init; }

    /// <summary>The port of the Dapr API; 0 lets the system choose.</summary>
    public int HttpPort { get; init; }

    /// <summary>The port of Dapr's gRPC API; 0 lets the system choose.</summary>
    public int GrpcPort { get; init; }

    /// <summary>
    /// A folder for Unix domain sockets: the APIs are there, at <c>dapr-{appId}-http.socket</c> and <c>dapr-{appId}-grpc.socket</c>,
    /// and on no port; null: on ports.
    /// </summary>
    public string? UnixDomainSocket { get; init; }

    /// <summary>
    /// IP addresses and host names at which the APIs listen; those the machine has not are logged. Without any: at loopback, where daprd
    /// listens to everybody.
    /// </summary>
    public IReadOnlyList<string> ListenAddresses { get; init; } = [];

    /// <summary>
    /// Origins of web pages that may call the API from a browser, for example <c>http://localhost:8080</c>; <c>*</c>: all, and under any host name, as in daprd
    /// (Dapr: reference/arguments-annotations-overview, allowed-origins). Without any, pages of other sites are refused.
    /// </summary>
    public IReadOnlyList<string> AllowedOrigins { get; init; } = [];

    /// <summary>How the sidecar talks to the app.</summary>
    public AppProtocol AppProtocol { get; init; } = AppProtocol.Http;

    /// <summary>
    /// Whether actors, jobs and workflows are there. False: the sidecar answers as a daprd that was given no placement and no scheduler service.
    /// </summary>
    public bool HasControlPlane { get; init; } = true;

    /// <summary>Folders with Dapr resources.</summary>
    public IReadOnlyList<string> ResourcesPaths { get; init; } = [];

    /// <summary>Files with a Configuration resource.</summary>
    public IReadOnlyList<string> ConfigPaths { get; init; } = [];

    /// <summary>
    /// The folder from which relative paths of files count that components read: secrets, certificates. By default the working directory, as with daprd, which <c>dapr run -f</c> starts in the app's
    /// folder.
    /// </summary>
    public string WorkingPath { get; init; } = ".";

    /// <summary>The folder from which relative paths of databases, logs and files count. By default the working directory.</summary>
    public string DataPath { get; init; } = ".";

    /// <summary>The namespace; null or empty: any resource is of it.</summary>
    public string? Namespace { get; init; }

    /// <summary>What callers must send as <c>dapr-api-token</c>; null: anyone may call.</summary>
    public string? ApiToken { get; init; }

    /// <summary>What the app gets as <c>dapr-api-token</c>.</summary>
    public string? AppToken { get; init; }

    /// <summary>Whether <see cref="AppToken"/> is kept from services outside of Dapr; false, as in daprd: every host that the app invokes by its URL gets it, too.</summary>
    public bool IsAppTokenForAppAlone { get; init; }

    /// <summary>The port of Prometheus' metrics; 0 lets the system choose, null: no metrics.</summary>
    public int? MetricsPort { get; init; }

    /// <summary>How the app's health is checked; null: it counts as healthy while it listens.</summary>
    public AppHealthCheck? AppHealthCheck { get; init; }

    /// <summary>Whether every call of the API is logged.</summary>
    public bool ApiLogging { get; init; }

    /// <summary>What the app is not asked for at its start: <c>config</c>, <c>subscribe</c>.</summary>
    public IReadOnlyList<string> DisabledInitEndpoints { get; init; } = [];

    /// <summary>The largest request body in bytes; 0 or less: no limit.</summary>
    public long MaxBodySize { get; init; } = 4 * 1024 * 1024;

    /// <summary>What <c>secretstores.local.env</c> and <c>envRef</c> read. By default the process's own environment.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = System.Environment.GetEnvironmentVariables()
        .Cast<DictionaryEntry>().ToDictionary(entry => (string)entry.Key, entry => (string?)entry.Value ?? "");

    /// <summary>The clock of TTLs, timers, reminders and retries.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Where the sidecar reports to.</summary>
    public ILoggerFactory Logs { get; init; } = Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance;

    /// <summary>The sidecars this one belongs with; null: it stands alone.</summary>
    public SidecarMesh? Mesh { get; init; }

    /// <summary>A test's hand on the brokers; null: none.</summary>
    public TestBroker? Broker { get; init; }
}

/// <summary>What an app speaks (Dapr: reference/arguments-annotations-overview, app-protocol).</summary>
public enum AppProtocol
{
    /// <summary>HTTP/1.1.</summary>
    Http,

    /// <summary>HTTP/1.1 over TLS; the certificate is not checked.</summary>
    Https,

    /// <summary>HTTP/2 in the clear.</summary>
    H2C,

    /// <summary>gRPC: the app serves <c>AppCallback</c>, and services of its own.</summary>
    Grpc,

    /// <summary>gRPC over TLS; the certificate is not checked.</summary>
    Grpcs,
}

/// <summary>How the app's health is checked (Dapr: developing-applications/building-blocks/observability/app-health).</summary>
/// <param name="Path">Asked with GET; any 2xx is healthy.</param>
/// <param name="Interval">Between two questions.</param>
/// <param name="Timeout">For each answer.</param>
/// <param name="Threshold">How many failures make the app unhealthy.</param>
public sealed record AppHealthCheck(string Path, TimeSpan Interval, TimeSpan Timeout, int Threshold)
{
    /// <summary>daprd's defaults: <c>/healthz</c> every 5 seconds, half a second to answer, three failures.</summary>
    public static AppHealthCheck Default { get; } = new("/healthz", TimeSpan.FromSeconds(5), TimeSpan.FromMilliseconds(500), 3);
}
