using Lavka.ServiceDefaults;

namespace Lavka.Gateway;

/// <summary>Asks services one after the other, for operators: one that is away does not keep the others back.</summary>
internal static class EachService
{
    /// <param name="ask">What a service answers.</param>
    /// <returns>All that was answered, and the services that were away.</returns>
    public static async Task<(IReadOnlyList<T> Items, IReadOnlyList<string> Unavailable)> Ask<T>(IEnumerable<string> services, Func<string, IAsyncEnumerable<T>> ask)
    {
        var (items, away) = (new List<T>(), new List<string>());
        foreach (var service in services)
        {
            try
            {
                await foreach (var item in ask(service))
                {
                    items.Add(item);
                }
            }
            catch (RequestException)
            {
                away.Add(service);
            }
        }

        return (items, away);
    }
}
