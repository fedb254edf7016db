using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.State;

/// <summary>How an app's keys become the store's (Dapr: developing-applications/building-blocks/state-management/howto-share-state).</summary>
internal sealed class KeyPrefix
{
    public const string Separator = "||";
    private readonly string _prefix;

    public KeyPrefix(ComponentMetadata metadata, string appId, string? @namespace)
    {
        _prefix = metadata.Get("keyPrefix", "appid").ToLowerInvariant() switch
        {
            "appid" => appId + Separator,
            "name" => metadata.Name + Separator,
            "none" => "",
            "namespace" => (string.IsNullOrEmpty(@namespace) ? appId : $"{@namespace}.{appId}") + Separator,
            var own when own.Contains(Separator, StringComparison.Ordinal) => throw metadata.Invalid("keyPrefix", "appid, name, namespace, none, or a text without ||"),
            var own => own + Separator,
        };
    }

    public string Apply(string key) => _prefix + key;
}
