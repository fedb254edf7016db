namespace Lavka.Deploy.Tests;

/// <summary>The local build of a service, for the tests that look at what comes of it. Of Orders, which uses everything there is to use: actors, the SDK, the store.</summary>
public sealed class OrdersBuild : IDisposable
{
    internal const string Folder = "services/Orders";

    private readonly Lazy<Task<LocalBuild>> _build = new(() => LocalBuild.Run(Dockerfile.Of(Folder), "Orders"));

    public void Dispose()
    {
        if (_build is { IsValueCreated: true, Value.IsCompletedSuccessfully: true })
        {
            _build.Value.Result.Dispose();
        }
    }

    /// <summary>Done when it is first asked for.</summary>
    internal Task<LocalBuild> Get() => _build.Value;
}
