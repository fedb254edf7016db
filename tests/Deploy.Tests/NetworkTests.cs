namespace Lavka.Deploy.Tests;

/// <summary>The network policies: what has to talk may, and nothing else.</summary>
public sealed class NetworkTests
{
    private const int Sidecar = 50002;
    private const int Metrics = 9090;
    private const int Dns = 53;

    // Sentry; placement; scheduler; the operator.
    private static readonly int[] ControlPlane = [50001, 50005, 50006, 6500];

    [HelmFact]
    public Task A_policy_selects_pods_of_the_release() => Renderings.HaveNo(rendering =>
        from policy in rendering.OfKind("NetworkPolicy")
        from selector in policy.Json.Items("spec.ingress").SelectMany(rule => rule.Items("from")).Concat(policy.Json.Items("spec.egress").SelectMany(rule => rule.Items("to")))
            .Where(peer => peer.At("namespaceSelector") is null && peer.At("podSelector") is not null).Select(peer => peer.At("podSelector")).Append(policy.Json.At("spec.podSelector"))
        where !rendering.Pods.Any(pod => pod.IsSelectedBy(selector))
        select $"{policy} selects nothing with {selector!.ToJsonString()}");

    [HelmFact]
    public Task What_has_to_talk_may() => Renderings.HaveNo(rendering =>
    {
        var rules = new NetworkRules(rendering);
        var apps = rendering.Apps.Keys.Select(rules.PodOf).ToList();
        var gateway = rules.PodOf("gateway");
        var wanted = new List<(Peer From, Peer To, int Port)>();
        wanted.AddRange(from one in apps from other in apps where one != other select (one, other, Sidecar));
        wanted.AddRange(from app in apps from port in ControlPlane select (app, new Peer("dapr-system", new Dictionary<string, string>()), port));
        wanted.AddRange(from app in apps select (new Peer("monitoring", new Dictionary<string, string>()), app, Metrics));
        wanted.Add((rules.TestPod, gateway, 8080));
        wanted.Add((rendering.Case.Gives("ingress-nginx") ? new("ingress-nginx", new Dictionary<string, string>()) : Peer.Outside, gateway, 8080));
        foreach (var (server, port) in Servers(rendering))
        {
            wanted.AddRange(from app in apps where app != gateway select (app, server, port));
        }

        wanted.AddRange(from broker in rendering.OfKind("StatefulSet")
                        where rendering.OfKind("ScaledObject").Any() && broker.Name.EndsWith("-broker", StringComparison.Ordinal)
                        select (new Peer("keda", new Dictionary<string, string>()), new Peer(broker.Pod!), AppPort(new(broker.Pod!))));
        if (rendering.Case.Gives("smtp"))
        {
            wanted.AddRange([(rules.PodOf("notifications"), Peer.Outside, 587), (rules.PodOf("notifications"), Peer.Outside, 443)]);
        }

        if (rendering.Case.Gives("collector.monitoring"))
        {
            wanted.AddRange(from app in apps select (app, new Peer("monitoring", new Dictionary<string, string>()), 4317));
        }

        var names = new Peer("kube-system", new Dictionary<string, string>());
        return wanted.Select(one => (one.From, one.To, one.Port, Protocol: "TCP"))
            .Concat(from app in apps from protocol in new[] { "TCP", "UDP" } select (From: app, To: names, Port: Dns, Protocol: protocol))
            .Where(one => !rules.Allow(one.From, one.To, one.Port, one.Protocol)).Select(one => $"{one.From} -> {one.To}, {one.Protocol} {one.Port}");
    });

    [HelmFact]
    public Task What_need_not_talk_may_not() => Renderings.HaveNo(rendering =>
    {
        if (!rendering.OfKind("NetworkPolicy").Any())
        {
            return [];
        }

        var rules = new NetworkRules(rendering);
        var apps = rendering.Apps.Keys.Select(rules.PodOf).ToList();
        var unwanted = new List<(Peer From, Peer To, int Port)>();

        // Past the sidecars, into them, and out of the shop.
        unwanted.AddRange(from one in apps from other in apps where one != other && other.Pod!.AppId != "gateway" select (one, other, AppPort(other)));
        unwanted.AddRange(from app in apps from port in new[] { Sidecar, 3500, 50001, AppPort(app) } where app.Pod!.AppId != "gateway" || port != AppPort(app) select (Peer.Stranger, app, port));
        unwanted.AddRange(from app in apps from port in new[] { 80, 8443 } select (app, Peer.Outside, port));
        unwanted.AddRange(from app in apps where app.Pod!.AppId != "notifications" select (app, Peer.Outside, 443));
        unwanted.AddRange(from server in Servers(rendering) where server.Server.Pod is not null from other in new[] { Peer.Stranger, Peer.Outside } select (other, server.Server, server.Port));
        if (rendering.Case.Gives("ingress-nginx"))
        {
            unwanted.AddRange(from other in new[] { Peer.Stranger, Peer.Outside } select (other, rules.PodOf("gateway"), 8080));
        }

        return unwanted.Where(one => rules.Allow(one.From, one.To, one.Port)).Select(one => $"{one.From} -> {one.To}, {one.Port}");
    });

    [HelmFact]
    public async Task There_is_something_that_the_policies_deny()
    {
        var renderings = await Cases.RenderedOnce();

        Assert.True(renderings.Count(rendering => rendering.OfKind("NetworkPolicy").Any()) > renderings.Count / 2);
        Assert.Contains(renderings, rendering => !rendering.OfKind("NetworkPolicy").Any());
    }

    private static int AppPort(Peer app) => app.Pod!.Spec.Items("containers").First().Items("ports").First().Number("containerPort")!.Value;

    /// <summary>Where the services keep and tell things, as far as the values say.</summary>
    private static IEnumerable<(Peer Server, int Port)> Servers(Rendering rendering)
    {
        foreach (var server in rendering.OfKind("StatefulSet"))
        {
            yield return (new(server.Pod!), AppPort(new(server.Pod!)));
        }

        foreach (var (address, port) in new[] { ("mq.example", 5671), ("k1.example:9093", 9093), ("k2.example:9094", 9094), ("redis.example", 6379), ("pg.example", 5432), ("mongodb://m.example", 27017) })
        {
            if (rendering.Objects.Any(one => one.Kind is "Component" or "Secret" && one.Json.ToJsonString().Contains(address, StringComparison.Ordinal)))
            {
                yield return (Peer.Outside, port);
            }
        }
    }
}
