using Dapr;
using Lavka.ServiceDefaults;

namespace Lavka.Catalog;

/// <summary>Builds the search index from the store when the service starts. Until it is done, search says that it is not ready.</summary>
public sealed partial class FillIndex(AggregateStore store, SearchIndex index, ILogger<FillIndex> log) : BackgroundService
{
    private const int AtOnce = 500;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        for (string? cursor = null; ;)
        {
            try
            {
                var (ids, next) = await IdList.Slice(store, Product.Index, cursor, AtOnce, stoppingToken);
                foreach (var product in await store.FindAll<Product>([.. ids.Select(Product.KeyOf)], stoppingToken))
                {
                    index.Put(product);
                }

                if (next is null)
                {
                    index.IsComplete = true;
                    return;
                }

                cursor = next;
            }
            catch (DaprException e)
            {
                LogNotYet(e.InnerException?.Message ?? e.Message);
                await Task.Delay(Pause, stoppingToken);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "The search index cannot be built yet: {Problem}")]
    private partial void LogNotYet(string problem);
}
