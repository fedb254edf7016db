using YamlDotNet.RepresentationModel;

namespace Lavka.Sidecar.Resources;

/// <summary>Whether a document's fields have the types Dapr's resources have; one that has not is left out, as in daprd.</summary>
internal static class ResourceTypes
{
    private static readonly string[] ComponentTexts = ["type", "version", "initTimeout"];
    private static readonly string[] SubscriptionTexts = ["pubsubname", "topic", "route", "deadLetterTopic"];

    /// <summary>Null, or what is wrong.</summary>
    public static string? Problem(string kind, YamlNode document)
    {
        var spec = document.Get("spec");
        return TextProblem(document.Get("metadata"), "metadata.", "name", "namespace") ?? ListProblem(document, "scopes", scope => YamlNodes.IsText(scope)) ?? kind switch
        {
            "Component" => TextProblem(spec, "spec.", ComponentTexts) ?? TextProblem(document.Get("auth"), "auth.", "secretStore")
                ?? ListProblem(spec, "metadata", item => item is YamlMappingNode)
                ?? (spec.Get("ignoreErrors") is { } flag && !YamlNodes.IsBool(flag) ? "spec.ignoreErrors is not true or false" : null),
            "Subscription" => TextProblem(spec, "spec.", SubscriptionTexts) ?? MapProblem(spec.Get("metadata")),
            _ => null,
        };
    }

    private static string? TextProblem(YamlNode? node, string where, params string[] names) =>
        names.Where(name => node.Get(name) is { } value && !YamlNodes.IsText(value) && !YamlNodes.IsNull(value)).Select(name => $"{where}{name} is not a text").FirstOrDefault();

    private static string? ListProblem(YamlNode? node, string name, Func<YamlNode, bool> isItem) => node.Get(name) switch
    {
        null => null,
        { } nothing when YamlNodes.IsNull(nothing) => null,
        YamlSequenceNode list when list.All(isItem) => null,
        _ => $"{name} is not a list as it should be",
    };

    private static string? MapProblem(YamlNode? map) =>
        map.Pairs().Where(pair => !YamlNodes.IsText(pair.Value) && !YamlNodes.IsNull(pair.Value)).Select(pair => $"spec.metadata.{pair.Key} is not a text").FirstOrDefault();
}
