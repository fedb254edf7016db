using YamlDotNet.RepresentationModel;

namespace Lavka.Sidecar.Resources;

/// <summary>One YAML document of a resources folder.</summary>
/// <param name="File">The file it is in, for messages.</param>
/// <param name="ApiVersion">For example <c>dapr.io/v1alpha1</c>.</param>
/// <param name="Kind">For example <c>Component</c>.</param>
/// <param name="Name"><c>metadata.name</c>.</param>
/// <param name="Root">The whole document.</param>
internal sealed record Resource(string File, string ApiVersion, string Kind, string Name, YamlNode Root)
{
    public YamlNode? Spec => Root.Get("spec");

    /// <summary>The apps this resource is for; none listed means all.</summary>
    public bool IsFor(string appId) => Root.Texts("scopes") is var scopes && (scopes.Count == 0 || scopes.Contains(appId));

    /// <summary>Dapr compares namespaces only where both sides name one.</summary>
    public bool IsIn(string? @namespace) =>
        string.IsNullOrEmpty(@namespace) || Root.Get("metadata").Text("namespace") is not { } own || own == @namespace;

    /// <summary>An error in this resource, for the user.</summary>
    public ResourceException Error(string problem) => new($"{File}: {Kind} '{Name}': {problem}");
}
