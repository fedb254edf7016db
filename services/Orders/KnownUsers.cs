using Lavka.Contracts;
using Lavka.ServiceDefaults;
using Microsoft.Extensions.Caching.Memory;

namespace Lavka.Orders;

/// <summary>Whether there is a user. Users are never deleted, so who was there once need not be asked for again; who was not may be there by now.</summary>
public sealed class KnownUsers(Peers peers) : IDisposable
{
    private const int Most = 100_000;

    private readonly MemoryCache _known = new(new MemoryCacheOptions { SizeLimit = Most });

    private sealed record User(string Id);

    /// <exception cref="RequestException">503: Users has to be asked, and is away.</exception>
    public async Task<bool> Has(string userId, CancellationToken stop)
    {
        if (_known.TryGetValue(userId, out _))
        {
            return true;
        }

        if (await peers.Get<User>(Topics.Users, $"/v1/users/{Uri.EscapeDataString(userId)}", stop) is null)
        {
            return false;
        }

        _known.Set(userId, true, new MemoryCacheEntryOptions { Size = 1 });
        return true;
    }

    public void Dispose() => _known.Dispose();
}
