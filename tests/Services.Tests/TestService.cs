using System.Diagnostics.Metrics;
using Lavka.ServiceDefaults;
using Lavka.Sidecar.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Lavka.Services.Tests;

/// <summary>What a service's use cases run on: their sidecar, in the test's process.</summary>
internal sealed class TestService : IAsyncDisposable
{
    private static readonly IMeterFactory Metrics = new ServiceCollection().AddMetrics().BuildServiceProvider().GetRequiredService<IMeterFactory>();
    private readonly FollowUpCalendar _calendar;

    /// <summary>A service on a sidecar that others may have used before.</summary>
    public TestService(string name, ServiceSidecar dapr, Action<Published> published)
    {
        Dapr = dapr;
        Dapr.OnPublished = published;
        Reader = new StateReader(Dapr.Api);
        Outbox = new Outbox(Dapr.Client, Reader, Dapr.Api, new ServiceName(name), NullLogger<Outbox>.Instance);
        _calendar = new FollowUpCalendar(Dapr.Client, Reader, Clock);
        Store = new AggregateStore(Dapr.Client, Reader, Outbox, _calendar, NullLogger<AggregateStore>.Instance);
    }

    public ServiceSidecar Dapr { get; }

    public StateReader Reader { get; }

    public Outbox Outbox { get; }

    /// <summary>The clock of what is followed up; it stands still.</summary>
    public TestClock Clock { get; } = new(running: false);

    public AggregateStore Store { get; }

    public static async Task<TestService> Start(string name, Action<Published> published) => new(name, await ServiceSidecar.Start(name), published);

    /// <summary>What follows up the service's aggregates; it looks when a test has it look.</summary>
    public FollowUps<T> FollowUps<T>(IFollowUp<T>? followUp = null, TimeProvider? clock = null)
        where T : class, IAwaiting =>
        new(Dapr.Client, _calendar, Store, Outbox, new FollowUpMetrics(Metrics), clock ?? Clock, NullLogger<FollowUps<T>>.Instance, followUp);

    /// <summary>Runs a handler as the delivery of the event with this id does.</summary>
    public async Task Deliver(string eventId, Func<AggregateStore, Task> handler)
    {
        Cause.Current = new(eventId, "");
        try
        {
            await handler(Store);
        }
        finally
        {
            Cause.Current = null;
        }
    }

    public ValueTask DisposeAsync() => Dapr.DisposeAsync();
}
