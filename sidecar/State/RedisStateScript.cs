using StackExchange.Redis;

namespace Lavka.Sidecar.State;

/// <summary>
/// The script that changes items in Redis, with daprd's layout: a hash with <c>data</c>, <c>version</c>, which is the ETag, and, after a first write, <c>first-write</c>. A script is one step to
/// everybody else, but Redis takes nothing back; so it looks at all that the changes expect before it makes the first.
/// </summary>
internal static class RedisStateScript
{
    /// <summary>Answers the number of the first change that finds another item than it expects, or 0: all are made.</summary>
    public const string Text = """
        local versions, others = {}, {}
        local function version_of(key)
          if versions[key] == nil then
            local version = redis.pcall('HGET', key, 'version')
            if type(version) == 'table' then
              others[key] = true
              version = ''
            end
            versions[key] = version
          end
          return versions[key]
        end

        for i, key in ipairs(KEYS) do
          local at = (i - 1) * 6
          local kind, etag, first = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
          local version = version_of(key)
          if etag ~= '' then
            if version ~= etag then return i end
          elseif kind == 'save' and first == '1' and version then
            return i
          end
          if kind == 'save' then
            local number = tonumber(version or '0') or 0
            if version and version ~= '' and not string.find(version, '^-?%d+$') then
              return redis.error_reply('the version of ' .. key .. ' is no number')
            end
            versions[key] = string.format('%.0f', number + 1)
          else
            versions[key] = false
          end
        end

        for i, key in ipairs(KEYS) do
          local at = (i - 1) * 6
          local kind, first, ttl, value = ARGV[at + 1], ARGV[at + 3], ARGV[at + 4], ARGV[at + 6]
          if kind == 'delete' or others[key] then
            redis.call('DEL', key)
            others[key] = nil
          end
          if kind == 'save' then
            redis.call('HSET', key, 'data', value)
            if first == '1' then redis.call('HSET', key, 'first-write', 0) end
            redis.call('HINCRBY', key, 'version', 1)
            if ttl ~= '' then
              redis.call('EXPIRE', key, ttl)
            elseif ARGV[at + 5] == '1' then
              redis.call('PERSIST', key)
            end
          end
        end
        return 0
        """;

    /// <summary>The script's arguments: six for each change.</summary>
    /// <param name="operations">The changes.</param>
    /// <param name="defaultTtl">How long an item lives whose change does not say it; null: as long as it did before.</param>
    public static RedisValue[] Arguments(IReadOnlyList<StateOperation> operations, TimeSpan? defaultTtl) => [.. operations.SelectMany(operation => (RedisValue[])
    [
        operation.Value is null ? "delete" : "save",
        operation.ETag ?? "",
        operation.FirstWrite ? "1" : "",
        (operation.Persist ? null : operation.Ttl ?? defaultTtl) is { } ttl ? (long)Math.Ceiling(ttl.TotalSeconds) : "",
        operation.Persist ? "1" : "",
        operation.Value ?? [],
    ])];
}
