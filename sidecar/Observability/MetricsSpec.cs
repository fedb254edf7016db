using System.Globalization;
using Lavka.Sidecar.Resources;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Template;

namespace Lavka.Sidecar.Observability;

/// <summary>A Configuration's <c>spec.metrics</c>, or <c>spec.metric</c> (Dapr: operations/observability/metrics/metrics-overview).</summary>
internal sealed class MetricsSpec
{
    private readonly bool _keepsPaths = true;
    private readonly bool _keepsVerbs = true;
    private readonly IReadOnlyList<(string Pattern, TemplateMatcher Matcher)> _patterns = [];

    /// <summary>What counts where no Configuration says otherwise.</summary>
    public MetricsSpec()
    {
    }

    /// <exception cref="ResourceException">A pattern or a bucket's bound is wrong.</exception>
    public MetricsSpec(Resource resource)
    {
        var spec = resource.Spec.Get("metrics") ?? resource.Spec.Get("metric");
        var http = spec.Get("http");
        IsEnabled = spec.Text("enabled") is not { } enabled || YamlNodes.IsTrue(enabled);
        _keepsPaths = http.Text("increasedCardinality") is not { } increased || YamlNodes.IsTrue(increased);
        _keepsVerbs = !http.Flag("excludeVerbs");
        _patterns = [.. http.Texts("pathMatching").SelectMany(Variants).Distinct().Select(pattern => Parse(resource, pattern)).OrderBy(one => one.Order).Select(one => (one.Pattern, one.Matcher))];
        if (spec.Get("latencyDistributionBuckets") is not null)
        {
            Buckets = [.. spec.Texts("latencyDistributionBuckets").Select(bound => int.TryParse(bound, CultureInfo.InvariantCulture, out var number)
                ? (double)number
                : throw resource.Error($"spec.metrics.latencyDistributionBuckets has '{bound}'; allowed are whole numbers of milliseconds."))];
        }
    }

    /// <summary>Whether anything is counted, given a port to ask for it.</summary>
    public bool IsEnabled { get; } = true;

    /// <summary>The bounds of latencies in milliseconds; null: Dapr's own.</summary>
    public double[]? Buckets { get; }

    /// <summary>The label of a request's method.</summary>
    public string Verb(string method) => _keepsVerbs ? method : "";

    /// <summary>The label of a request's path: the pattern it matches; if there is none, what stands for it, or nothing.</summary>
    /// <param name="path">The path, from its first slash.</param>
    /// <param name="otherwise">What stands for it where paths are kept.</param>
    public string Path(Func<string> path, Func<string> otherwise)
    {
        // Most have no patterns: then nothing is made for them.
        var whole = _patterns.Count == 0 ? "" : path();
        foreach (var (pattern, matcher) in _patterns)
        {
            if (matcher.TryMatch(whole, []))
            {
                return pattern;
            }
        }

        return _keepsPaths ? otherwise() : "";
    }

    // A path of an app is also what others invoke.
    private static IEnumerable<string> Variants(string path)
    {
        var pattern = path.StartsWith('/') ? path : '/' + path;
        return pattern.StartsWith("/v1.0", StringComparison.Ordinal) ? [pattern] : [pattern, "/v1.0/invoke/{app_id}/method" + pattern];
    }

    private static (string Pattern, TemplateMatcher Matcher, decimal Order) Parse(Resource resource, string pattern)
    {
        try
        {
            // Go's ServeMux: {rest...} is the rest of the path, and so is what follows a slash at the end.
            var template = TemplateParser.Parse(pattern.EndsWith('/') ? pattern + "{**rest}"
                : pattern.EndsWith("...}", StringComparison.Ordinal) ? pattern[..(pattern.LastIndexOf('{') + 1)] + "**" + pattern[(pattern.LastIndexOf('{') + 1)..^4] + "}"
                : pattern.Replace("{$}", "", StringComparison.Ordinal));
            return (pattern, new(template, new RouteValueDictionary()), RoutePrecedence.ComputeInbound(template));
        }
        catch (ArgumentException e)
        {
            throw resource.Error($"spec.metrics.http.pathMatching has '{pattern}': {e.Message}");
        }
    }
}
