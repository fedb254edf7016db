using YamlDotNet.RepresentationModel;

namespace Lavka.Sidecar.Resources;

/// <summary>
/// Who may invoke the app (Dapr: operations/configuration/invoke-allowlist). A caller is known by its certificate alone, and without mTLS, as here, there is none: then the default action
/// is all that counts, in daprd too.
/// </summary>
/// <param name="IsAllowed">What the default action says of a call.</param>
internal sealed record AccessControl(bool IsAllowed)
{
    /// <summary>A Configuration's <c>spec.accessControl</c>; null: anyone may.</summary>
    /// <exception cref="ResourceException">A policy lacks its app, trust domain or namespace.</exception>
    public static AccessControl? From(Resource resource)
    {
        var spec = resource.Spec.Get("accessControl");
        var (action, policies) = (spec.Text("defaultAction") ?? "", spec.Items("policies").ToList());
        if (spec is null || (action.Length + (spec.Text("trustDomain") ?? "").Length + policies.Count == 0))
        {
            return null;
        }

        foreach (var policy in policies)
        {
            foreach (var field in new[] { "appId", "trustDomain", "namespace" })
            {
                if (string.IsNullOrEmpty(policy.Text(field)))
                {
                    throw resource.Error($"spec.accessControl: an entry of policies has no {field}.");
                }
            }
        }

        return new(action.Length > 0 ? action.Equals("allow", StringComparison.OrdinalIgnoreCase) : spec.Get("policies") is YamlSequenceNode && policies.Count == 0);
    }

    /// <summary>What a refused caller is told.</summary>
    /// <param name="operation">The method.</param>
    /// <param name="verb">The HTTP verb, for an HTTP app.</param>
    public static string Refusal(string operation, string? verb) => $"access control policy has denied access to id:  operation: {operation} verb: {verb ?? "NONE"}";
}
