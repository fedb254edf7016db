using System.Globalization;
using Lavka.Sidecar.Resources;
using YamlDotNet.RepresentationModel;

namespace Lavka.Sidecar.Observability;

/// <summary>Where OTLP spans go.</summary>
/// <param name="Endpoint">A URL.</param>
/// <param name="IsHttp">Protobuf over HTTP; otherwise gRPC.</param>
/// <param name="Headers"><c>name=value,...</c>, or null.</param>
internal sealed record OtlpSpec(string Endpoint, bool IsHttp, string? Headers);

/// <summary>A Configuration's <c>spec.tracing</c> (Dapr: operations/observability/tracing).</summary>
/// <param name="SamplingRate">As written; null: not given.</param>
/// <param name="Stdout">Whether spans are logged.</param>
/// <param name="Zipkin">Zipkin's address, or null.</param>
/// <param name="Otlp">An OTLP collector, or null.</param>
internal sealed record TracingSpec(string? SamplingRate, bool Stdout, Uri? Zipkin, OtlpSpec? Otlp)
{
    // What daprd samples when a rate is missing or is no number.
    private const double DefaultRate = 1e-4;

    /// <summary>Which share of the traces that begin here is exported, 0 to 1.</summary>
    public double Rate => double.TryParse(SamplingRate, CultureInfo.InvariantCulture, out var rate) ? rate : DefaultRate;

    /// <summary>Whether there are spans at all.</summary>
    public bool IsOn => Rate != 0 && (!string.IsNullOrEmpty(SamplingRate) || Stdout || Zipkin is not null || Otlp is not null);

    /// <exception cref="ResourceException">An address or the protocol is wrong.</exception>
    public static TracingSpec? From(Resource resource, IReadOnlyDictionary<string, string> environment)
    {
        if (resource.Spec.Get("tracing") is not { } tracing)
        {
            return null;
        }

        Uri? zipkin = null;
        if (tracing.Get("zipkin").Text("endpointAddress") is { Length: > 0 } address && !Uri.TryCreate(address, UriKind.Absolute, out zipkin))
        {
            throw resource.Error($"spec.tracing.zipkin.endpointAddress is '{address}'; allowed is a URL such as http://localhost:9411/api/v2/spans.");
        }

        var rate = tracing.Text("samplingRate");
        var otlp = Otel(resource, tracing.Get("otel")) ?? FromEnvironment(environment);
        return new(string.IsNullOrEmpty(rate) && otlp is not null && tracing.Get("otel") is null ? "1" : rate, tracing.Flag("stdout"), zipkin, otlp);
    }

    /// <summary>OpenTelemetry's own variables, where the Configuration names no collector.</summary>
    public static TracingSpec? FromEnvironmentAlone(IReadOnlyDictionary<string, string> environment) =>
        FromEnvironment(environment) is { } otlp ? new("1", false, null, otlp) : null;

    private static OtlpSpec? Otel(Resource resource, YamlNode? otel)
    {
        if (otel.Text("endpointAddress") is not { Length: > 0 } address || otel.Text("protocol") is not { Length: > 0 } protocol)
        {
            return null;
        }

        if (protocol is not ("http" or "grpc"))
        {
            throw resource.Error($"spec.tracing.otel.protocol is '{protocol}'; allowed are http and grpc.");
        }

        return Make(address, protocol == "http", otel.Text("isSecure") is not { } secure || YamlNodes.IsTrue(secure), string.Join(',', otel.Texts("headers")));
    }

    private static OtlpSpec? FromEnvironment(IReadOnlyDictionary<string, string> environment)
    {
        return Find("ENDPOINT") is not { } address ? null
            : Make(address.Replace("https://", "", StringComparison.Ordinal).Replace("http://", "", StringComparison.Ordinal),
                Find("PROTOCOL")?.StartsWith("http", StringComparison.Ordinal) == true, environment.GetValueOrDefault("OTEL_EXPORTER_OTLP_INSECURE") != "true", Find("HEADERS") ?? "");

        string? Find(string name) => environment.GetValueOrDefault($"OTEL_EXPORTER_OTLP_TRACES_{name}") ?? environment.GetValueOrDefault($"OTEL_EXPORTER_OTLP_{name}");
    }

    private static OtlpSpec Make(string address, bool http, bool secure, string headers) =>
        new($"{(secure ? "https" : "http")}://{address.TrimEnd('/')}{(http ? "/v1/traces" : "")}", http, headers.Length == 0 ? null : headers);
}
