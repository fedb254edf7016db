using System.Text.Json;
using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.Actors;

/// <summary>How actors of one type are run, from the app's answer to <c>GET /dapr/config</c> (Dapr: reference/api/actors_api, and actors/actors-runtime-config).</summary>
internal sealed record ActorTypeConfig(TimeSpan IdleTimeout, bool Reentrant, int MaxStackDepth)
{
    private static readonly ActorTypeConfig Default = new(TimeSpan.FromMinutes(60), false, 32);

    /// <summary>The types an app hosts. An answer that does not parse hosts none, as in daprd.</summary>
    public static Dictionary<string, ActorTypeConfig> Read(ReadOnlySpan<byte> answer)
    {
        var types = new Dictionary<string, ActorTypeConfig>();
        try
        {
            var reader = new Utf8JsonReader(answer);
            using var document = JsonDocument.ParseValue(ref reader);
            var common = One(document.RootElement);
            foreach (var type in Names(document.RootElement))
            {
                types[type] = common;
            }

            // A type's own configuration stands alone: what it leaves out is Dapr's default, not the app's.
            if (document.RootElement.TryGetProperty("entitiesConfig", out var own) && own.ValueKind == JsonValueKind.Array)
            {
                foreach (var config in own.EnumerateArray())
                {
                    foreach (var type in Names(config).Where(types.ContainsKey))
                    {
                        types[type] = One(config);
                    }
                }
            }
        }
        catch (FormatException)
        {
            // A duration that does not parse: no type is hosted, as in daprd.
            return [];
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return [];
        }

        return types;
    }

    private static IEnumerable<string> Names(JsonElement config) =>
        config.TryGetProperty("entities", out var entities) && entities.ValueKind == JsonValueKind.Array ? entities.EnumerateArray().Select(name => name.GetString() ?? "") : [];

    /// <exception cref="FormatException">A duration does not parse.</exception>
    private static ActorTypeConfig One(JsonElement config)
    {
        _ = Duration(config, "drainOngoingCallTimeout");
        var idle = Duration(config, "actorIdleTimeout") ?? Default.IdleTimeout;
        return !config.TryGetProperty("reentrancy", out var reentrancy) || reentrancy.ValueKind != JsonValueKind.Object
            ? Default with { IdleTimeout = idle }
            : new(idle,
                reentrancy.TryGetProperty("enabled", out var enabled) && enabled.ValueKind == JsonValueKind.True,
                reentrancy.TryGetProperty("maxStackDepth", out var depth) && depth.TryGetInt32(out var most) ? most : Default.MaxStackDepth);
    }

    private static TimeSpan? Duration(JsonElement config, string name) =>
        !config.TryGetProperty(name, out var text) || text.ValueKind != JsonValueKind.String || text.GetString() is not { Length: > 0 } value ? null
        : Durations.TryParseGo(value, out var duration) ? duration
        : throw new FormatException($"{name} is no duration: {value}");
}
