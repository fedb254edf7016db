namespace Lavka.Deploy.Tests;

/// <summary>What the objects of every rendering say of each other.</summary>
public sealed class ReferenceTests
{
    [HelmFact]
    public Task Every_Secret_and_ConfigMap_is_there_or_the_user_s() => Renderings.HaveNo(rendering =>
        from one in rendering.Objects
        from reference in Reference.In(one)
        let found = rendering.Find(reference.Kind, reference.Name)
        where found is null ? !rendering.Case.Gives(reference.Name) : reference.Key is { } key && found.Json.At("data")?[key] is null && found.Json.At("stringData")?[key] is null
        select $"{one}: {reference}");

    [HelmFact]
    public Task A_secret_of_the_user_needs_the_keys_that_the_values_tell() => Renderings.HaveNo(rendering =>
        from one in rendering.Objects
        from reference in Reference.In(one)
        where reference.Name.StartsWith("own-", StringComparison.Ordinal) && !KeysOf(reference.Name, rendering.Case).Contains(reference.Key)
        select $"{one}: {reference}");

    [HelmFact]
    public Task No_two_workloads_select_the_same_pods() => Renderings.HaveNo(rendering =>
        from workload in rendering.Objects
        let selector = workload.Json.At("spec.selector")
        where workload.Kind is "Deployment" or "StatefulSet"
        from pod in rendering.Pods
        where pod.IsSelectedBy(selector) != (pod.Of == workload)
        select $"{workload} {(pod.Of == workload ? "does not select its own pods" : $"selects the pods of {pod}")}");

    [HelmFact]
    public Task Every_Service_has_pods_of_one_workload_with_its_ports() => Renderings.HaveNo(rendering =>
        from service in rendering.OfKind("Service")
        let pods = rendering.Pods.Where(pod => Selectors.Contains(pod.Labels, service.Json.Map("spec.selector"))).ToList()
        from problem in pods.Count != 1 ? [$"{pods.Count} workloads"] : service.Json.Items("spec.ports")
            .Select(port => port.Text(port.At("targetPort") is null ? "port" : "targetPort")).Where(port => !pods[0].HasPort(port)).Select(port => $"no port '{port}' in {pods[0]}")
        select $"{service}: {problem}");

    [HelmFact]
    public Task Every_way_in_leads_to_a_port_of_a_Service() => Renderings.HaveNo(rendering =>
        from one in rendering.Objects
        from backend in one.Kind switch
        {
            "Ingress" => one.Json.Items("spec.rules").SelectMany(rule => rule.Items("http.paths")).Select(path => path.At("backend.service"))
                .Select(service => (Name: service.Text("name"), Port: service.Text("port.name") + service.Text("port.number"))),
            "HTTPRoute" => one.Json.Items("spec.rules").SelectMany(rule => rule.Items("backendRefs")).Select(backend => (Name: backend.Text("name"), Port: backend.Text("port"))),
            _ => [],
        }
        where !(rendering.Find("Service", backend.Name)?.Json.Items("spec.ports").Any(port => port.Text("name") == backend.Port || port.Text("port") == backend.Port) ?? false)
        select $"{one}: {backend.Name}, {backend.Port}");

    [HelmFact]
    public Task Every_StatefulSet_has_its_headless_Service() => Renderings.HaveNo(rendering =>
        from one in rendering.OfKind("StatefulSet")
        let service = rendering.Find("Service", one.Json.Text("spec.serviceName"))
        where service is null || service.Json.Text("spec.clusterIP") != "None" || !Selectors.Contains(one.Pod!.Labels, service.Json.Map("spec.selector"))
        select $"{one}");

    [HelmFact]
    public Task A_disruption_budget_is_for_one_workload_of_more_than_one_instance() => Renderings.HaveNo(rendering =>
        from budget in rendering.OfKind("PodDisruptionBudget")
        let pods = rendering.Pods.Where(pod => pod.IsSelectedBy(budget.Json.At("spec.selector"))).ToList()
        where pods.Count != 1 || FewestOf(rendering, pods[0].Of) < 2
        select $"{budget}");

    [HelmFact]
    public Task A_workload_is_scaled_by_one_thing_at_most() => Renderings.HaveNo(rendering =>
        from deployment in rendering.OfKind("Deployment")
        let scalers = ScalersOf(rendering, deployment).ToList()
        where scalers.Count > 1 || (scalers.Count == 1) == (deployment.Json.At("spec.replicas") is not null)
        select $"{deployment} has {scalers.Count} scalers, and says replicas: '{deployment.Json.Text("spec.replicas")}'");

    [HelmFact]
    public Task A_scaler_scales_what_there_is() => Renderings.HaveNo(rendering =>
        from scaler in rendering.Objects
        where scaler.Kind is "HorizontalPodAutoscaler" or "ScaledObject"
        let target = scaler.Json.At("spec.scaleTargetRef")
        let range = RangeOf(scaler)
        where rendering.Find("Deployment", target.Text("name")) is null || (target.At("kind") is { } kind && kind.ToString() != "Deployment") || !(range.Fewest <= range.Most)
            || scaler.Json.Items("spec.triggers").Any(trigger => trigger.At("authenticationRef") is { } authentication && rendering.Find("TriggerAuthentication", authentication.Text("name")) is null)
        select $"{scaler}");

    [HelmFact]
    public Task A_monitor_watches_a_port_of_a_Service_or_of_the_sidecars() => Renderings.HaveNo(rendering =>
        from monitor in rendering.Objects
        where monitor.Kind is "ServiceMonitor" or "PodMonitor"
        let selector = monitor.Json.At("spec.selector")
        let ports = monitor.Json.Items(monitor.Kind == "ServiceMonitor" ? "spec.endpoints" : "spec.podMetricsEndpoints").Select(endpoint => endpoint.Text("port")).ToList()
        let watched = monitor.Kind == "ServiceMonitor"
            ? rendering.OfKind("Service").Select(service => (service.Labels, Ports: service.Json.Items("spec.ports").Select(port => port.Text("name")).ToHashSet())).Concat(DaprServices(rendering))
            : rendering.Pods.Select(pod =>
                (pod.Labels, Ports: pod.Containers.SelectMany(container => container.Items("ports")).Select(port => port.Text("name")).Concat(pod.AppId is null ? [] : SidecarPorts).ToHashSet()))
        let matched = watched.Where(one => Selectors.Matches(selector, one.Labels)).ToList()
        where matched.Count == 0 || ports.Count == 0 || ports.Any(port => !matched.Any(one => one.Ports.Contains(port)))
        select $"{monitor}: {string.Join(", ", ports)} of {matched.Count}");

    [HelmFact]
    public Task Every_scope_is_an_app() => Renderings.HaveNo(rendering =>
        from resource in rendering.Objects
        from scope in resource.Json.Texts("scopes")
        where !rendering.Apps.ContainsKey(scope)
        select $"{resource}: {scope}");

    // As values.yaml tells whoever makes them.
    private static string[] KeysOf(string secret, Case @case) => secret switch
    {
        "own-secrets" => ["token-key", "operator-password", "carrier-key"],
        "own-broker" => [@case.Values.Any(text => text.Contains("type: rabbitmq", StringComparison.Ordinal)) ? "connectionString" : "password"],
        "own-database" => [@case.Values.Any(text => text.Contains("type: mongodb", StringComparison.Ordinal)) ? "connectionString" : "password"],
        _ => ["token"],
    };

    // The ports of daprd's container, as its injector names them; and of the Service that Dapr's operator makes for each app (pkg/operator/handlers).
    private static readonly string[] SidecarPorts = ["dapr-http", "dapr-grpc", "dapr-internal", "dapr-metrics"];

    private static IEnumerable<(Dictionary<string, string> Labels, HashSet<string> Ports)> DaprServices(Rendering rendering) =>
        rendering.Apps.Select(_ => (new Dictionary<string, string> { ["dapr.io/enabled"] = "true" }, SidecarPorts.ToHashSet()));

    private static IEnumerable<KubeObject> ScalersOf(Rendering rendering, KubeObject workload) =>
        rendering.Objects.Where(one => one.Kind is "HorizontalPodAutoscaler" or "ScaledObject" && one.Json.Text("spec.scaleTargetRef.name") == workload.Name);

    private static int? FewestOf(Rendering rendering, KubeObject workload) =>
        ScalersOf(rendering, workload).FirstOrDefault() is { } scaler ? RangeOf(scaler).Fewest : workload.Json.Number("spec.replicas");

    private static (int? Fewest, int? Most) RangeOf(KubeObject scaler) => scaler.Kind == "ScaledObject"
        ? (scaler.Json.Number("spec.minReplicaCount"), scaler.Json.Number("spec.maxReplicaCount"))
        : (scaler.Json.Number("spec.minReplicas"), scaler.Json.Number("spec.maxReplicas"));
}
