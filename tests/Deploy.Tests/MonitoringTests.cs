using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Lavka.Testing;

namespace Lavka.Deploy.Tests;

/// <summary>The alerts and the dashboard: what they ask is there to be asked, and whoever is woken knows what to do.</summary>
public sealed partial class MonitoringTests
{
    // What Prometheus adds to every series it reads from a pod.
    private static readonly string[] TargetLabels = ["namespace", "pod", "container", "service", "job", "instance", "endpoint", "node"];

    // By name the labels of the metrics of daprd 1.17 (pkg/diagnostics), of RabbitMQ's prometheus plugin, and of the exporters for Kafka, Redis and Kubernetes.
    private static readonly Dictionary<string, string[]> Metrics = JsonSerializer.Deserialize<Dictionary<string, string[]>>(File.ReadAllText(Path.Combine(Repository.Root, Node.Folder, "metrics.json")))!;

    [HelmFact]
    public async Task Every_expression_asks_for_what_there_is()
    {
        var expressions = (await Cases.RenderedOnce()).SelectMany(rendering => Rules(rendering).Select(rule => rule.Text("expr")).Concat(Panels(rendering).SelectMany(Expressions))).Distinct().ToList();
        Assert.NotEmpty(expressions);

        var answers = (await Node.Run("check-promql.mjs", JsonSerializer.Serialize(expressions.Select(Filled)))).Trim().Split('\n').Select(line => JsonNode.Parse(line)!).ToList();

        Assert.Equal([], expressions.Zip(answers).SelectMany(one => Problems(one.First, one.Second)));
    }

    [HelmFact]
    public Task Every_alert_says_how_bad_it_is_what_it_is_and_what_to_do() => Renderings.HaveNo(rendering =>
        from rule in Rules(rendering).Where(rule => rule.At("alert") is not null)
        from problem in new[]
        {
            rule.Text("labels.severity") is "page" or "ticket" ? null : "severity",
            rule.Text("annotations.summary").Length > 0 ? null : "summary",
            rule.Text("annotations.description").Length > 0 ? null : "description",
            rule.Text("for").Length > 0 || rule.Text("expr").Contains("[1h]", StringComparison.Ordinal) ? null : "for",
            rule.Text("annotations.runbook_url").Split("/docs/operations.md#") is [_, var anchor] && Anchors.Contains(anchor) ? null : "runbook_url",
            rule.Map("annotations").Values.SelectMany(text => LabelUse().Matches(text)).All(use => Regex.IsMatch(rule.Text("expr"), $@"\b{use.Groups[1].Value}\b")) ? null : "a label that is not there",
        }
        where problem is not null
        select $"{rule.Text("alert")}: {problem}");

    [HelmFact]
    public Task No_two_rules_raise_the_same_alert() => Renderings.HaveNo(rendering =>
        Rules(rendering).GroupBy(rule => $"{rule.Text("alert")}{rule.At("labels")?.ToJsonString()}").Where(same => same.Count() > 1).Select(same => same.Key));

    [HelmFact]
    public async Task The_runbooks_tell_of_every_alert_whom_it_wakes()
    {
        var alerts = (await Cases.RenderedOnce()).SelectMany(Rules).GroupBy(rule => rule.Text("alert"), rule => rule.Text("labels.severity"))
            .Select(severities => $"{severities.Key}: {string.Join(", or ", severities.Distinct().Order(StringComparer.Ordinal))}");

        Assert.Equal(alerts.Order(StringComparer.Ordinal), AlertRow().Matches(RunbookText).Select(row => $"{row.Groups[1].Value}: {row.Groups[2].Value}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_link_within_the_runbooks_leads_somewhere() =>
        Assert.Equal([], OwnLink().Matches(RunbookText).Select(link => link.Groups[1].Value).Except(Anchors));

    // Without increasedCardinality the label is empty for every path that pathMatching does not name (Dapr: operations/observability/metrics/metrics-overview).
    [HelmFact]
    public Task A_path_that_is_asked_for_is_one_that_the_sidecars_count() => Renderings.HaveNo(rendering =>
        from expression in Rules(rendering).Select(rule => rule.Text("expr")).Concat(Panels(rendering).SelectMany(Expressions))
        from path in PathUse().Matches(expression).Select(use => use.Groups[1].Value)
        where !rendering.OfKind("Configuration").Select(one => one.Json.At("spec.metrics.http")).Any(http =>
            !http.Is("increasedCardinality", false) || http.Texts("pathMatching").Any(pattern => Regex.IsMatch(pattern, $"^({path})$")))
        select $"no sidecar counts {path}: {expression}");

    [HelmFact]
    public Task Every_panel_has_a_title_an_id_of_its_own_and_something_to_show() => Renderings.HaveNo(rendering =>
        Panels(rendering).Where(panel => panel.Text("title").Length == 0 || (panel.Text("type") is not ("row" or "text") && !Expressions(panel).Any())).Select(panel => panel.ToJsonString())
            .Concat(Panels(rendering).GroupBy(panel => panel.Text("id")).Where(same => same.Count() > 1 || same.Key.Length == 0).Select(same => $"the id '{same.Key}' is there {same.Count()} times")));

    [HelmFact]
    public async Task Alerts_and_a_dashboard_are_there_when_they_are_asked_for_and_not_otherwise()
    {
        foreach (var rendering in await Cases.RenderedOnce())
        {
            var isAsked = rendering.Case.Gives("prometheusRule");

            Assert.Equal((isAsked, isAsked, isAsked), (Rules(rendering).Any(), Panels(rendering).Any(), rendering.Objects.Any(one => one.Kind is "ServiceMonitor" or "PodMonitor")));
        }
    }

    private static string RunbookText { get; } = File.ReadAllText(Path.Combine(Repository.Root, "docs", "operations.md"));

    // Of its headings, as GitHub makes them.
    private static HashSet<string> Anchors { get; } = [.. RunbookText.Split('\n').Where(line => line.StartsWith('#'))
        .Select(line => NoAnchor().Replace(line.TrimStart('#').Trim().ToLowerInvariant(), "").Replace(' ', '-'))];

    private static IEnumerable<JsonNode> Rules(Rendering rendering) => rendering.OfKind("PrometheusRule").SelectMany(one => one.Json.Items("spec.groups")).SelectMany(group => group.Items("rules"));

    private static IEnumerable<JsonNode> Panels(Rendering rendering) =>
        from map in rendering.OfKind("ConfigMap")
        from file in map.Json.Map("data")
        where file.Key.EndsWith(".json", StringComparison.Ordinal)
        from panel in JsonNode.Parse(file.Value).Items("panels")
        from one in panel.Items("panels").Prepend(panel)
        select one;

    private static IEnumerable<string> Expressions(JsonNode panel) => panel.Items("targets").Select(target => target.Text("expr")).Where(expression => expression.Length > 0);

    // Grafana's variables stand for texts, its intervals for durations.
    private static string Filled(string expression) => Interval().Replace(expression, "5m");

    private static IEnumerable<string> Problems(string expression, JsonNode answer)
    {
        if (answer.At("problem") is { } problem)
        {
            yield return problem.ToString();
            yield break;
        }

        foreach (var (name, labels) in (JsonObject)answer.At("metrics")!)
        {
            if (LabelsOf(name) is not { } known)
            {
                yield return $"{expression}: there is no metric {name}";
                continue;
            }

            foreach (var label in ((JsonArray)labels!).Select(label => label!.ToString()).Where(label => !known.Contains(label) && !TargetLabels.Contains(label)))
            {
                yield return $"{expression}: {name} has no label {label}";
            }
        }
    }

    /// <summary>Null: there is no such series. A histogram is known by its label "le", and has three.</summary>
    private static string[]? LabelsOf(string series) =>
        series.StartsWith('~') ? Metrics.Where(metric => Regex.IsMatch(metric.Key, $"^({series[1..]})$")).Select(metric => metric.Value).FirstOrDefault()
        : Metrics.TryGetValue(series, out var labels) && !labels.Contains("le") ? labels
        : HistogramSeries().IsMatch(series) && Metrics.TryGetValue(HistogramSeries().Replace(series, ""), out labels) && labels.Contains("le") ? labels
        : null;

    [GeneratedRegex("_(bucket|sum|count)$")]
    private static partial Regex HistogramSeries();

    [GeneratedRegex(@"\$__(rate_interval|interval|range)|\$\{__(rate_interval|interval|range)\}")]
    private static partial Regex Interval();

    [GeneratedRegex(@"\$labels\.(\w+)")]
    private static partial Regex LabelUse();

    [GeneratedRegex(@"^\| \[(\w+)\]\(#\w+\) \| ([^|]+?) \|", RegexOptions.Multiline)]
    private static partial Regex AlertRow();

    [GeneratedRegex(@"\]\(#([^)]+)\)")]
    private static partial Regex OwnLink();

    [GeneratedRegex("path=~?\"([^\"]+)\"")]
    private static partial Regex PathUse();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex NoAnchor();
}
