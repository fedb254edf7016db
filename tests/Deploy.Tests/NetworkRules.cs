using System.Globalization;
using System.Text.Json.Nodes;

namespace Lavka.Deploy.Tests;

/// <summary>Who takes part in a connection: a pod, or something outside of the cluster.</summary>
/// <param name="Namespace">Null: it is outside.</param>
internal sealed record Peer(string? Namespace, IReadOnlyDictionary<string, string> Labels, PodTemplate? Pod = null)
{
    public Peer(PodTemplate pod)
        : this(pod.Of.Namespace, pod.Labels, pod)
    {
    }

    /// <summary>Nobody we know.</summary>
    public static Peer Stranger { get; } = new("elsewhere", new Dictionary<string, string> { ["app"] = "other" });

    public static Peer Outside { get; } = new(null, new Dictionary<string, string>());

    public override string ToString() => Pod?.ToString() ?? $"somebody {(Namespace is null ? "outside" : $"in {Namespace}")}";
}

/// <summary>The NetworkPolicies of a rendering, as a network plugin enforces them (Kubernetes: concepts/services-networking/network-policies).</summary>
internal sealed class NetworkRules(Rendering rendering)
{
    /// <summary>The pod of <c>helm test</c>.</summary>
    public Peer TestPod { get; } = new(rendering.Pods.Single(pod => pod.Of.IsHook));

    public Peer PodOf(string appId) => new(rendering.Apps[appId]);

    /// <summary>Whether the one may connect to a port of the other.</summary>
    public bool Allow(Peer from, Peer to, int port, string protocol = "TCP") => Allows("Egress", from, to, to, port, protocol) && Allows("Ingress", to, from, to, port, protocol);

    private bool Allows(string direction, Peer guarded, Peer other, Peer target, int port, string protocol)
    {
        var policies = rendering.OfKind("NetworkPolicy")
            .Where(policy => guarded.Namespace == policy.Namespace && IsFor(policy, direction) && Selectors.Matches(policy.Json.At("spec.podSelector"), guarded.Labels)).ToList();
        var (rules, peers) = direction == "Ingress" ? ("spec.ingress", "from") : ("spec.egress", "to");
        return policies.Count == 0 || policies.Any(policy => policy.Json.Items(rules).Any(rule =>
            (!rule.Items(peers).Any() || rule.Items(peers).Any(peer => IsPeer(peer, other, policy.Namespace)))
            && (!rule.Items("ports").Any() || rule.Items("ports").Any(one => IsPort(one, target, port, protocol)))));
    }

    private static bool IsFor(KubeObject policy, string direction) => policy.Json.At("spec.policyTypes") is null
        ? direction == "Ingress" || policy.Json.At("spec.egress") is not null
        : policy.Json.Texts("spec.policyTypes").Contains(direction);

    // Of outside addresses we know none, so a block of addresses is taken to have them.
    private static bool IsPeer(JsonNode peer, Peer other, string policyNamespace) =>
        peer.At("ipBlock") is not null ? other.Namespace is null
        : other.Namespace is not null
            && (peer.At("namespaceSelector") is not { } namespaces ? other.Namespace == policyNamespace
                : Selectors.Matches(namespaces, new Dictionary<string, string> { ["kubernetes.io/metadata.name"] = other.Namespace }))
            && (peer.At("podSelector") is not { } pods || Selectors.Matches(pods, other.Labels));

    private static bool IsPort(JsonNode rule, Peer target, int port, string protocol) => (rule.Text("protocol") is { Length: > 0 } other ? other : "TCP") == protocol && (
        rule.At("port") is null
        || rule.Number("endPort") is { } end && rule.Number("port") <= port && port <= end
        || rule.Text("port") == port.ToString(CultureInfo.InvariantCulture)
        || (target.Pod?.Containers.SelectMany(container => container.Items("ports")).Any(one => one.Text("name") == rule.Text("port") && one.Number("containerPort") == port) ?? false));
}
