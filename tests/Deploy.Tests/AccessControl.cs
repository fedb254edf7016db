using System.IO.Enumeration;
using System.Text.Json.Nodes;

namespace Lavka.Deploy.Tests;

/// <summary>
/// The access control of a Configuration, as daprd 1.17 evaluates it at the called service (pkg/acl, pkg/config/acl_trie.go). Of its operations the sidecar makes a tree of path segments,
/// in the order they stand in, and goes down it once, without coming back: so a rule for a path holds for all that is below it, too, and of two rules with the same path the first counts.
/// </summary>
internal sealed class AccessControl
{
    private readonly Dictionary<(string AppId, string Namespace), (JsonNode Policy, Segment Operations)> _policies = [];
    private readonly bool _byDefault;

    /// <exception cref="FormatException">daprd would not start with it.</exception>
    public AccessControl(JsonNode accessControl)
    {
        _byDefault = accessControl.Text("defaultAction") == "allow";
        foreach (var policy in accessControl.Items("policies"))
        {
            if (new[] { "appId", "namespace", "trustDomain" }.Any(name => policy.Text(name).Length == 0))
            {
                throw new FormatException($"A policy needs an app id, a namespace and a trust domain: {policy.ToJsonString()}");
            }

            var operations = new Segment("");
            foreach (var operation in policy.Items("operations"))
            {
                operations.Add(operation);
            }

            _policies[(policy.Text("appId"), policy.Text("namespace"))] = (policy, operations);
        }
    }

    /// <summary>Whether the app may call the path, with its certificate of this namespace and trust domain.</summary>
    public bool Allows(string appId, string @namespace, string trustDomain, string verb, string path)
    {
        if (!_policies.TryGetValue((appId, @namespace), out var found) || found.Policy.Text("trustDomain") != trustDomain)
        {
            return _byDefault;
        }

        var byDefault = found.Policy.Text("defaultAction") is { Length: > 0 } action ? action == "allow" : _byDefault;
        var operation = found.Operations.Find(Normalized(path));
        var verbs = operation.Texts("httpVerb").ToList();
        return verbs.Contains(verb) || verbs.Contains("*") ? operation.Text("action") == "allow" : byDefault;
    }

    // Without dots and empty segments, and not case-sensitive.
    private static string[] Normalized(string path)
    {
        var segments = new List<string>();
        foreach (var segment in path.ToLowerInvariant().Split('/', StringSplitOptions.RemoveEmptyEntries).Where(segment => segment != "."))
        {
            if (segment != "..")
            {
                segments.Add(segment);
            }
            else if (segments.Count > 0)
            {
                segments.RemoveAt(segments.Count - 1);
            }
        }

        return segments.Count == 0 ? [""] : [.. segments];
    }

    private sealed class Segment(string pattern)
    {
        private readonly List<Segment> _below = [];
        private JsonNode? _operation;

        public void Add(JsonNode operation)
        {
            var at = this;
            foreach (var part in operation.Text("name").ToLowerInvariant().TrimStart('/').Split('/'))
            {
                var next = at._below.Find(one => one.Pattern == part);
                if (next is null)
                {
                    at._below.Add(next = new(part));
                }

                at = next;
            }

            at._operation ??= operation;
        }

        public JsonNode? Find(string[] path)
        {
            var at = this;
            for (var i = 0; i < path.Length; i++)
            {
                var isLast = i == path.Length - 1;
                if (at.Below(path[i], isLast) is not { } next)
                {
                    return null;
                }

                if (next._operation is not null && (isLast || next.Pattern != "*"))
                {
                    return next._operation;
                }

                if (next._operation is null && isLast)
                {
                    return next.Below("*", isLast)?._operation;
                }

                at = next;
            }

            return null;
        }

        private string Pattern { get; } = pattern;

        // "*" alone stands for a last segment, "**" for one or, at the end of a rule, any number; within a segment "*" stands for any characters.
        private Segment? Below(string segment, bool isLast) => _below.Find(one =>
            one.Pattern == segment || (one.Pattern == "*" ? isLast : one.Pattern == "**" || FileSystemName.MatchesSimpleExpression(one.Pattern, segment, ignoreCase: false)));
    }
}
