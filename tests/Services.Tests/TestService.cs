using Lavka.ServiceDefaults;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;

namespace Lavka.Services.Tests;

/// <summary>What a service's use cases run on: their sidecar, in the test's process.</summary>
internal sealed class TestService : IAsyncDisposable
{
    private readonly HttpContextAccessor _http = new();

    /// <summary>A service on a sidecar that others may have used before.</summary>
    public TestService(string name, ServiceSidecar dapr, Action<Published> published)
    {
        Dapr = dapr;
        Dapr.OnPublished = published;
        Outbox = new Outbox(Dapr.Client, new ServiceName(name), NullLogger<Outbox>.Instance);
        Store = new AggregateStore(Dapr.Client, Outbox, _http, NullLogger<AggregateStore>.Instance);
    }

    public ServiceSidecar Dapr { get; }

    public Outbox Outbox { get; }

    public AggregateStore Store { get; }

    public static async Task<TestService> Start(string name, Action<Published> published) => new(name, await ServiceSidecar.Start(name), published);

    /// <summary>Runs a handler as the delivery of the event with this id does.</summary>
    public async Task Deliver(string eventId, Func<AggregateStore, Task> handler)
    {
        _http.HttpContext = new DefaultHttpContext { Request = { Headers = { ["Cloudevent.id"] = eventId } } };
        try
        {
            await handler(Store);
        }
        finally
        {
            _http.HttpContext = null;
        }
    }

    public ValueTask DisposeAsync() => Dapr.DisposeAsync();
}
