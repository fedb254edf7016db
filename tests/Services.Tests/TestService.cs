using Lavka.ServiceDefaults;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;

namespace Lavka.Services.Tests;

/// <summary>What a service's use cases run on, in memory.</summary>
internal sealed class TestService
{
    private readonly HttpContextAccessor _http = new();

    public TestService(string name, Action<Published> published)
    {
        Dapr = new FakeDapr(published);
        Outbox = new Outbox(Dapr, new ServiceName(name), NullLogger<Outbox>.Instance);
        Store = new AggregateStore(Dapr, Outbox, _http, NullLogger<AggregateStore>.Instance);
    }

    public FakeDapr Dapr { get; }

    public Outbox Outbox { get; }

    public AggregateStore Store { get; }

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
}
