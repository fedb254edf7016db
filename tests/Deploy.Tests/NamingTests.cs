using System.Text.RegularExpressions;
using Lavka.Testing;

namespace Lavka.Deploy.Tests;

/// <summary>Names, labels and namespaces of every rendering.</summary>
public sealed partial class NamingTests
{
    // A Dapr resource is called as the code calls it.
    private static readonly string[] OwnNames = ["Component", "Subscription"];

    [HelmFact]
    public Task Every_object_is_in_the_release_s_namespace_and_has_a_name_of_its_own() => Renderings.HaveNo(rendering =>
        rendering.Objects.Where(one => one.Namespace != rendering.Case.Namespace).Select(one => $"{one} is in '{one.Namespace}'")
            .Concat(rendering.Objects.GroupBy(one => (one.ApiVersion.Split('/')[0], one.Kind, one.Name)).Where(same => same.Count() > 1).Select(same => $"{same.First()} is there {same.Count()} times")));

    [HelmFact]
    public Task Every_object_has_the_labels_of_Helm_charts() => Renderings.HaveNo(rendering =>
    {
        var chart = YamlJson.Nodes(File.ReadAllText(Path.Combine(Helm.Chart, "Chart.yaml"))).Single();
        var ofRelease = new Dictionary<string, string>
        {
            ["app.kubernetes.io/name"] = chart.Text("name"),
            ["app.kubernetes.io/instance"] = rendering.Case.Release,
            ["app.kubernetes.io/version"] = chart.Text("appVersion"),
            ["app.kubernetes.io/managed-by"] = "Helm",
            ["helm.sh/chart"] = $"{chart.Text("name")}-{chart.Text("version")}",
        };

        // What Helm makes for a test is no part of the release, and no policy for the release's pods is to select it.
        var ofTest = new Dictionary<string, string> { ["app.kubernetes.io/name"] = $"{chart.Text("name")}-test", ["app.kubernetes.io/instance"] = rendering.Case.Release };
        return from one in rendering.Objects
               from label in one.IsHook ? ofTest : ofRelease
               let value = one.Labels.GetValueOrDefault(label.Key)
               where value != label.Value
               select $"{one}: {label.Key} is '{value}'";
    });

    [HelmFact]
    public Task Whoever_belongs_to_a_service_says_so() => Renderings.HaveNo(rendering =>
        from one in rendering.Objects
        let component = one.Labels.GetValueOrDefault("app.kubernetes.io/component")
        where one.Pod is { } pod && !one.IsHook && (component is null || pod.Labels.GetValueOrDefault("app.kubernetes.io/component") != component)
        select $"{one}");

    [HelmFact]
    public Task Every_name_and_every_label_is_one_that_Kubernetes_takes() => Renderings.HaveNo(rendering =>
        rendering.Objects.Where(one => !Name().IsMatch(one.Name) || one.Name.Length > 63).Select(one => $"{one}: the name")
            .Concat(from one in rendering.Objects
                    from label in one.Labels.Concat(one.Pod?.Labels ?? [])
                    where !LabelName().IsMatch(label.Key) || !LabelValue().IsMatch(label.Value)
                    select $"{one}: {label.Key}: {label.Value}"));

    [HelmFact]
    public Task Two_releases_in_a_namespace_do_not_take_each_other_s_names() => Renderings.HaveNo(rendering =>
        from one in rendering.Objects
        where !OwnNames.Contains(one.Kind) && !one.Name.StartsWith(Prefix(rendering), StringComparison.Ordinal)
        select $"{one}");

    private static string Prefix(Rendering rendering) => rendering.Apps["gateway"].Of.Name[..^"-gateway".Length];

    [GeneratedRegex("^[a-z]([-a-z0-9]*[a-z0-9])?$")]
    private static partial Regex Name();

    [GeneratedRegex("^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$")]
    private static partial Regex LabelName();

    [GeneratedRegex("^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$")]
    private static partial Regex LabelValue();
}
