using System.Text.Json.Nodes;

namespace Lavka.Deploy.Tests;

/// <summary>Kubernetes' Pod Security Standard "restricted" (Kubernetes: concepts/security/pod-security-standards).</summary>
internal static class PodSecurity
{
    private static readonly string[] Volumes = ["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"];

    public static IEnumerable<string> Problems(PodTemplate pod)
    {
        var spec = pod.Spec;
        foreach (var shared in new[] { "hostNetwork", "hostPID", "hostIPC" }.Where(name => spec.At(name) is not null))
        {
            yield return $"{pod} has {shared}";
        }

        foreach (var volume in spec.Items("volumes").Where(volume => !Volumes.Any(type => volume.At(type) is not null)))
        {
            yield return $"{pod} has a volume that is not allowed: {volume.Text("name")}";
        }

        if (spec.At("securityContext.sysctls") is not null)
        {
            yield return $"{pod} sets sysctls";
        }

        foreach (var container in pod.Containers)
        {
            foreach (var problem in Problems(spec.At("securityContext"), container))
            {
                yield return $"{pod}, {container.Text("name")}: {problem}";
            }
        }
    }

    private static IEnumerable<string> Problems(JsonNode? ofPod, JsonNode container)
    {
        var own = container.At("securityContext");
        if (Either("runAsNonRoot") != "true" || Either("runAsUser") == "0")
        {
            yield return "it may run as root";
        }

        if (Either("seccompProfile.type") is not ("RuntimeDefault" or "Localhost"))
        {
            yield return "it has no seccomp profile";
        }

        if (!own.Is("allowPrivilegeEscalation", false) || own.Is("privileged", true))
        {
            yield return "it can gain privileges";
        }

        if (!own.Texts("capabilities.drop").Contains("ALL") || own.Texts("capabilities.add").Any(added => added != "NET_BIND_SERVICE"))
        {
            yield return "it has capabilities";
        }

        if (own.At("procMount") is not null || own.At("seLinuxOptions") is not null || container.Items("ports").Any(port => port.At("hostPort") is not null))
        {
            yield return "it has something of the host";
        }

        string Either(string path) => own.At(path) is null ? ofPod.Text(path) : own.Text(path);
    }
}
