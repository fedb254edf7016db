using System.Text.Json.Nodes;

namespace Lavka.Deploy.Tests;

/// <summary>Label selectors, as Kubernetes evaluates them.</summary>
internal static class Selectors
{
    /// <summary>A selector with <c>matchLabels</c> and <c>matchExpressions</c>; an empty one matches everything.</summary>
    public static bool Matches(JsonNode? selector, IReadOnlyDictionary<string, string> labels) =>
        Contains(labels, selector.Map("matchLabels")) && selector.Items("matchExpressions").All(expression =>
        {
            var value = labels.GetValueOrDefault(expression.Text("key"));
            return expression.Text("operator") switch
            {
                "Exists" => value is not null,
                "DoesNotExist" => value is null,
                "In" => value is not null && expression.Texts("values").Contains(value),
                "NotIn" => value is null || !expression.Texts("values").Contains(value),
                var other => throw new FormatException($"There is no operator {other}."),
            };
        });

    /// <summary>A plain map of labels, such as a Service's.</summary>
    public static bool Contains(IReadOnlyDictionary<string, string> labels, IReadOnlyDictionary<string, string> wanted) => wanted.All(label => labels.GetValueOrDefault(label.Key) == label.Value);
}
