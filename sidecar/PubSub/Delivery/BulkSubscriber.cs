using System.Collections.Concurrent;
using System.Threading.Channels;
using Lavka.Sidecar.Resiliency;
using Lavka.Sidecar.Testing;

namespace Lavka.Sidecar.PubSub.Delivery;

/// <summary>
/// Has one subscription's messages delivered several at a time; the app answers for each (Dapr: reference/api/pubsub_api, bulk
/// subscribe). Only those not taken are sent again; unlike in daprd what comes after them does not wait for that.
/// </summary>
internal sealed class BulkSubscriber : IAsyncDisposable
{
    // An app that takes so long for some does not keep others waiting.
    private static readonly TimeSpan LongestHold = TimeSpan.FromSeconds(1);

    private readonly SubscriptionSpec _spec;
    private readonly ConcurrentDictionary<Task, bool> _running = new();
    private readonly IDelivery _delivery;
    private readonly Func<Policy> _policy;
    private readonly DeadLetters _deadLetters;
    private readonly TimeProvider _time;
    private readonly BulkSubscribe _bulk;
    private readonly TestBroker? _test;
    private readonly Router _router;
    private readonly Channel<BulkEntry> _entries;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _batches;

    public BulkSubscriber(SubscriptionSpec spec, IDelivery delivery, Func<Policy> policy, DeadLetters deadLetters, SidecarOptions options)
    {
        (_spec, _delivery, _policy, _deadLetters, _time) = (spec, delivery, policy, deadLetters, options.Time);
        _bulk = spec.Bulk!;
        _test = options.Broker;
        _router = new(spec, _time);
        _entries = Channel.CreateBounded<BulkEntry>(_bulk.MaxMessages);
        _batches = Task.Run(Batches);
    }

    /// <summary>Completes when the message may be forgotten.</summary>
    /// <exception cref="DeliveryException">It must come again.</exception>
    public async Task Deliver(Message message, CancellationToken stop)
    {
        if (await _deadLetters.Route(_router, message, stop) is not { } routed)
        {
            return;
        }

        var entry = new BulkEntry(message, routed);
        await _entries.Writer.WriteAsync(entry, stop);
        await entry.Done.Task.WaitAsync(stop);
    }

    public async ValueTask DisposeAsync()
    {
        _entries.Writer.TryComplete();
        await _stop.CancelAsync();
        await _batches;
        await Task.WhenAll(_running.Keys);
        _stop.Dispose();
    }

    private async Task Batches()
    {
        try
        {
            while (await _entries.Reader.WaitToReadAsync(_stop.Token))
            {
                var batch = await Gather();
                var tried = Task.WhenAll(batch.GroupBy(entry => entry.Routed.Path!).Select(group => Begin(group.Key, [.. group])));
                await Task.WhenAny(tried, Task.Delay(LongestHold, _time, _stop.Token));
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Stopped: what is not answered comes again.
        }
    }

    private async Task<List<BulkEntry>> Gather()
    {
        var batch = new List<BulkEntry>();
        using var full = new CancellationTokenSource(_bulk.MaxWait, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(full.Token, _stop.Token);
        try
        {
            while (batch.Count < _bulk.MaxMessages && (_entries.Reader.TryRead(out var entry) || await _entries.Reader.WaitToReadAsync(either.Token)))
            {
                if (entry is not null)
                {
                    batch.Add(entry);
                }
            }
        }
        catch (OperationCanceledException) when (!_stop.IsCancellationRequested)
        {
            // The wait is over: what there is goes now.
        }

        return batch;
    }

    /// <summary>Completes when they have been brought once.</summary>
    private Task Begin(string path, List<BulkEntry> entries)
    {
        var tried = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var bringing = Bring(path, entries, tried);
        _running[bringing] = true;
        _ = bringing.ContinueWith(done => _running.TryRemove(done, out _), TaskScheduler.Default);
        return tried.Task;
    }

    private async Task Bring(string path, List<BulkEntry> entries, TaskCompletionSource tried)
    {
        var left = entries;
        var problem = $"the app asked at {path} to try again";
        try
        {
            await _policy().Run(async stop =>
            {
                var batch = left;
                var statusCode = _test is null
                    ? await Ask(batch, stop)
                    : await _test.Deliver<int?>(_spec.Topic, () => Ask(batch, stop), () => null, stop);
                return new Attempt<bool>(left.Count == 0, Failed: left.Count > 0, statusCode);
            }, _stop.Token);
        }
        catch (Exception e)
        {
            problem = e.Message;
        }

        tried.TrySetResult();
        foreach (var entry in left)
        {
            await Complete(entry, () => _deadLetters.Undeliverable(entry.Message, problem, _stop.Token));
        }

        async ValueTask<int?> Ask(List<BulkEntry> batch, CancellationToken stop)
        {
            var answer = await _delivery.DeliverBulk(path, batch, stop);
            left = await Settle(path, batch, answer.Answers, stop);
            tried.TrySetResult();
            return answer.StatusCode;
        }
    }

    /// <summary>Does what is said of each; answers with those that have not been taken.</summary>
    private async Task<List<BulkEntry>> Settle(
        string path, List<BulkEntry> entries, IReadOnlyDictionary<string, DeliveryAnswer> answers, CancellationToken stop)
    {
        var left = new List<BulkEntry>();
        foreach (var entry in entries)
        {
            switch (answers.GetValueOrDefault(entry.Id, DeliveryAnswer.Retry))
            {
                case DeliveryAnswer.Retry:
                    left.Add(entry);
                    break;
                case DeliveryAnswer.Drop:
                    await Complete(entry, () => _deadLetters.Drop(entry.Message, $"the app said so at {path}", stop));
                    break;
                default:
                    entry.Done.TrySetResult();
                    break;
            }
        }

        return left;
    }

    private static async Task Complete(BulkEntry entry, Func<Task> how)
    {
        try
        {
            await how();
            entry.Done.TrySetResult();
        }
        catch (Exception e)
        {
            entry.Done.TrySetException(e);

            // Nobody may be waiting any more.
            _ = entry.Done.Task.Exception;
        }
    }
}
