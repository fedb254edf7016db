using Grpc.Core;

namespace Lavka.Sidecar.Grpc.Proxying;

/// <summary>How one try of a proxied call ended: with what the app said, or with an error of the sidecar.</summary>
internal sealed class ProxiedEnd : IDisposable
{
    public required Status Status { get; init; }

    /// <summary>The app's answer, all of which has been read; null: there is none, and the caller is told <see cref="Status"/>.</summary>
    public HttpResponseMessage? Response { get; init; }

    public void Dispose() => Response?.Dispose();
}
