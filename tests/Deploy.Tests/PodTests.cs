using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Lavka.Testing;

namespace Lavka.Deploy.Tests;

/// <summary>The pods of every rendering: what they may, what they may use, how they start and end.</summary>
public sealed partial class PodTests
{
    // By name what Dapr's injector takes as value (Dapr: reference/arguments-annotations-overview; pkg/injector/annotations).
    private static readonly Dictionary<string, string> Annotations = JsonSerializer.Deserialize<Dictionary<string, string>>(
        File.ReadAllText(Path.Combine(Repository.Root, Node.Folder, "dapr-annotations.json")))!;

    [HelmFact]
    public Task Every_pod_is_restricted() => Renderings.HaveNo(rendering => rendering.Pods.SelectMany(PodSecurity.Problems));

    [HelmFact]
    public Task A_container_of_the_shop_writes_to_its_volumes_alone() => Renderings.HaveNo(rendering =>
        from pod in rendering.Pods
        where pod.Of.Kind != "StatefulSet"
        from container in pod.Containers
        where !container.Is("securityContext.readOnlyRootFilesystem", true)
        select $"{pod}, {container.Text("name")}");

    [HelmFact]
    public Task Every_container_says_what_it_needs_and_has_no_more_than_its_limit() => Renderings.HaveNo(rendering =>
        from pod in rendering.Pods
        from what in new[] { "cpu", "memory" }
        from one in pod.Containers.Select(container => (Name: container.Text("name"), Request: container.Text($"resources.requests.{what}"), Limit: container.Text($"resources.limits.{what}")))
            .Concat(pod.AppId is null ? [] : [("sidecar", pod.Annotations.GetValueOrDefault($"dapr.io/sidecar-{what}-request", ""), pod.Annotations.GetValueOrDefault($"dapr.io/sidecar-{what}-limit", ""))])
        where !(Quantity.Parse(one.Request) > 0 && Quantity.Parse(one.Request) <= Quantity.Parse(one.Limit))
        select $"{pod}, {one.Name}: {what} '{one.Request}', at most '{one.Limit}'");

    // Of them Dapr's five programs ask for 0.5 cores, and a Kubernetes for about as much, and 0.5 GiB.
    [HelmFact]
    public async Task A_small_shop_has_room_on_two_cores_and_four_GiB_while_all_its_services_roll()
    {
        var rendering = await Helm.Oldest.Render(Cases.Small);

        double Asked(string what) => rendering.Pods.Sum(pod => (pod.AppId is null ? 1 : 1 + pod.Of.Json.Number("spec.replicas")!.Value) * (pod.Containers.Sum(container => Quantity.Parse(container.Text($"resources.requests.{what}"))!.Value)
            + (pod.AppId is null ? 0 : Quantity.Parse(pod.Annotations[$"dapr.io/sidecar-{what}-request"])!.Value)));
        Assert.InRange(Asked("cpu"), 0.1, 1);
        Assert.InRange(Asked("memory"), 1e9, 3.25 * (1L << 30));
    }

    [HelmFact]
    public Task A_test_that_has_passed_leaves_nothing() => Renderings.HaveNo(rendering =>
        from hook in rendering.Objects
        where hook.IsHook && hook.Annotations.GetValueOrDefault("helm.sh/hook-delete-policy", "").Split(',') is var policies && !(policies.Contains("before-hook-creation") && policies.Contains("hook-succeeded"))
        select $"{hook} stays after an uninstall");

    [HelmFact]
    public Task Every_container_is_probed_at_a_port_it_has() => Renderings.HaveNo(rendering =>
        from pod in rendering.Pods
        where pod.Of.Kind != "Pod"
        from container in pod.Spec.Items("containers")
        from probe in new[] { "startupProbe", "readinessProbe", "livenessProbe" }
        let of = container.At(probe)
        let port = new[] { "httpGet", "tcpSocket", "grpc" }.Select(kind => of.Text($"{kind}.port")).FirstOrDefault(port => port.Length > 0) ?? ""
        where (of.At("exec") is null && !PodTemplate.HasPort(container, port)) || (pod.AppId is not null && ProbePath(of, pod) != (probe == "readinessProbe" ? "/health/ready" : "/health"))
        select $"{pod}, {container.Text("name")}: {probe} at '{port}'");

    [HelmFact]
    public Task Every_image_has_a_version() => Renderings.HaveNo(rendering =>
        from pod in rendering.Pods
        from image in pod.Containers.Select(container => container.Text("image")).Append(pod.Annotations.GetValueOrDefault("dapr.io/sidecar-image")).OfType<string>()
        where !Versioned().IsMatch(image) || image.EndsWith(":latest", StringComparison.Ordinal)
        select $"{pod}: {image}");

    [HelmFact]
    public Task Every_service_has_an_account_of_its_own_and_no_pod_a_token() => Renderings.HaveNo(rendering => rendering.Pods.SelectMany(pod => AccountProblems(rendering, pod)));

    [HelmFact]
    public Task Dapr_takes_every_annotation() => Renderings.HaveNo(rendering =>
        from pod in rendering.Pods
        from annotation in pod.Annotations
        where annotation.Key.StartsWith("dapr.io/", StringComparison.Ordinal)
            && !(Annotations.TryGetValue(annotation.Key, out var pattern) && Regex.IsMatch(annotation.Value, $"^({pattern})$"))
        select $"{pod}: {annotation.Key}: {annotation.Value}");

    [HelmFact]
    public Task Every_service_has_a_sidecar_that_knows_its_port_and_its_configuration() => Renderings.HaveNo(rendering =>
        from deployment in rendering.OfKind("Deployment")
        let pod = deployment.Pod!
        let app = deployment.Labels.GetValueOrDefault("app.kubernetes.io/component")
        let container = pod.Spec.Items("containers").First()
        let port = container.Items("ports").First().Text("containerPort")
        from problem in new[]
        {
            pod.AppId != app ? "its app id is another one" : null,
            pod.Annotations.GetValueOrDefault("dapr.io/app-port") != port ? "the sidecar has another port" : null,
            container.Items("env").FirstOrDefault(one => one.Text("name") == (app == "loyalty" ? "APP_PORT" : "ASPNETCORE_HTTP_PORTS")).Text("value") != port ? "it listens elsewhere" : null,
            pod.Annotations.GetValueOrDefault("dapr.io/enable-app-health-check") == "true" && pod.Annotations.GetValueOrDefault("dapr.io/app-health-check-path") == "/health" ? null
                : "Dapr does not look whether it is well",
            rendering.Find("Configuration", pod.Annotations.GetValueOrDefault("dapr.io/config", "")) is null ? "its configuration is missing" : null,
            pod.Annotations.ContainsKey("dapr.io/api-token-secret") && pod.Annotations.ContainsKey("dapr.io/app-token-secret") ? null : "whoever reaches it may call it",
        }
        where problem is not null
        select $"{deployment}: {problem}");

    // daprd first waits for events in flight, 30 s at most, and only then begins to block, which ends when it finds its app gone; before it waited, it did not look (pkg/runtime/runtime.go,
    // pkg/runtime/subscription). Callers keep an address for 20 s (pkg/messaging/direct_messaging.go), clients of the Gateway let go of it within seconds.
    [HelmFact]
    public Task A_service_has_time_to_end_what_it_does_and_callers_to_let_go_of_it() => Renderings.HaveNo(rendering =>
        from pod in rendering.Pods
        where pod.AppId is not null
        let events = pod.AppId == "gateway" ? 0 : 30
        let blocked = int.Parse(pod.Annotations.GetValueOrDefault("dapr.io/block-shutdown-duration", "0s").TrimEnd('s'), CultureInfo.InvariantCulture)
        let graceful = int.Parse(pod.Annotations.GetValueOrDefault("dapr.io/graceful-shutdown-seconds", "0"), CultureInfo.InvariantCulture)
        let preStop = pod.Spec.Items("containers").First().Number("lifecycle.preStop.sleep.seconds")
        let grace = pod.Spec.Number("terminationGracePeriodSeconds")
        from problem in new[]
        {
            blocked > 20 ? null : $"callers still know the sidecar when it ends, {blocked} s after it has no more events",
            pod.AppId == "gateway" ? preStop is >= 10 and < 50 ? null : $"it goes after {preStop} s"
                : preStop > events + blocked ? null : $"it goes after {preStop} s, and its sidecar takes calls for up to {events} + {blocked} s",
            graceful > 0 && grace > events + blocked + graceful && grace > preStop ? null : $"the sidecar ends after up to {events} + {blocked} + {graceful} s, the service after {preStop} s, the pod after {grace} s",
        }
        where problem is not null
        select $"{pod}: {problem}");

    [HelmFact]
    public Task Every_volume_is_mounted_and_every_mount_has_a_volume() => Renderings.HaveNo(rendering =>
        from pod in rendering.Pods
        let volumes = pod.Spec.Items("volumes").Select(volume => volume.Text("name")).Concat(pod.Of.Json.Items("spec.volumeClaimTemplates").Select(claim => claim.Text("metadata.name"))).ToHashSet()
        let mounts = pod.Containers.SelectMany(container => container.Items("volumeMounts")).Select(mount => mount.Text("name")).Concat(SidecarMounts(pod)).ToHashSet()
        from name in volumes.Union(mounts).Except(volumes.Intersect(mounts))
        select $"{pod}: {name} is {(volumes.Contains(name) ? "not mounted" : "no volume")}");

    // gRPC's health check has services instead of paths.
    private static string ProbePath(JsonNode? probe, PodTemplate pod) => pod.Annotations["dapr.io/app-protocol"] != "h2c" ? probe.Text("httpGet.path")
        : probe.At("grpc") is { } grpc ? $"/health/{grpc.Text("service")}".TrimEnd('/') : "";

    private static IEnumerable<string> SidecarMounts(PodTemplate pod) => new[] { "dapr.io/volume-mounts", "dapr.io/volume-mounts-rw" }
        .SelectMany(name => pod.Annotations.GetValueOrDefault(name, "").Split(',', StringSplitOptions.RemoveEmptyEntries)).Select(mount => mount.Split(':')[0]);

    private static IEnumerable<string> AccountProblems(Rendering rendering, PodTemplate pod)
    {
        if (!pod.Spec.Is("automountServiceAccountToken", false))
        {
            yield return $"{pod} has a token";
        }

        var name = pod.Spec.Text("serviceAccountName");
        if (pod.AppId is null && name.Length == 0)
        {
            yield break;
        }

        if (rendering.Find("ServiceAccount", name) is not { } account)
        {
            yield return $"{pod}: there is no service account '{name}'";
        }
        else if (!account.Json.Is("automountServiceAccountToken", false))
        {
            yield return $"{account} gives tokens";
        }

        if (rendering.Pods.Any(other => other.Of != pod.Of && other.Spec.Text("serviceAccountName") == name))
        {
            yield return $"{pod} shares its service account";
        }
    }

    [GeneratedRegex("^[^:@]+(:[0-9]+/[^:@]+)?(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?(@sha256:[0-9a-f]{64})?(?<=[:@][^/]+)$")]
    private static partial Regex Versioned();
}
