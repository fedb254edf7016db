using Lavka.ServiceDefaults;

namespace Lavka.Catalog;

/// <summary>
/// Builds the search index from the store when the service starts; until that is done, search says that it is not ready. Then every so often again, for what other instances of the service were told:
/// each event comes to one of them.
/// </summary>
public sealed partial class FillIndex(AggregateStore store, SearchIndex index, TimeProvider time, ILogger<FillIndex> log) : BackgroundService
{
    private const int AtOnce = 500;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            try
            {
                await Fill(stoppingToken);
                index.IsComplete = true;
                await Task.Delay(Interval, time, stoppingToken);
            }
            catch (Exception) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                // Whatever it is: it must not take the service with it.
                LogNotYet(e.Reason());
                await Task.Delay(Pause, time, stoppingToken);
            }
        }
    }

    private async Task Fill(CancellationToken stop)
    {
        for (string? cursor = null; ;)
        {
            var (ids, next) = await IdList.Slice(store, Product.Index, cursor, AtOnce, stop);
            foreach (var product in await store.FindAll<Product>([.. ids.Select(Product.KeyOf)], stop))
            {
                index.Put(product);
            }

            if (next is null)
            {
                return;
            }

            cursor = next;
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "The search index cannot be built now: {Problem}")]
    private partial void LogNotYet(string problem);
}
