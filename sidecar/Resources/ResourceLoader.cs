using System.Text.RegularExpressions;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Lavka.Sidecar.Resources;

/// <summary>
/// Reads the resources of some folders: every <c>.yaml</c> and <c>.yml</c> file directly in them, several documents a file. As with daprd, a document
/// that does not parse is reported and left out, and so is a kind that is not Dapr's.
/// </summary>
internal sealed partial class ResourceLoader(ILogger log)
{
    private static readonly string[] Kinds =
    [
        "dapr.io/v1alpha1 Component", "dapr.io/v1alpha1 Subscription", "dapr.io/v2alpha1 Subscription", "dapr.io/v1alpha1 Resiliency", "dapr.io/v1alpha1 Configuration",
        "dapr.io/v1alpha1 HTTPEndpoint",
    ];

    /// <exception cref="ResourceException">A folder is not there.</exception>
    public IReadOnlyList<Resource> LoadFolders(IEnumerable<string> folders) =>
        [.. folders.SelectMany(Files).SelectMany(file => LoadFile(file))];

    /// <summary>The Dapr resources of one file.</summary>
    /// <param name="file">Its path.</param>
    /// <param name="environment">Variables to fill in for <c>$NAME</c> and <c>${NAME}</c>, as daprd does in a Configuration; null: the text stays.</param>
    public IReadOnlyList<Resource> LoadFile(string file, IReadOnlyDictionary<string, string>? environment = null)
    {
        var found = new List<Resource>();
        foreach (var document in Documents(file, environment))
        {
            var (apiVersion, kind) = (document.Text("apiVersion") ?? "", document.Text("kind") ?? "");
            if (!Kinds.Contains($"{apiVersion} {kind}"))
            {
                LogNotDapr(file, kind, apiVersion);
            }
            else if (ResourceTypes.Problem(kind, document) is { } problem)
            {
                LogWrongType(file, kind, document.Get("metadata").Text("name") ?? "", problem);
            }
            else
            {
                found.Add(new(file, apiVersion, kind, document.Get("metadata").Text("name") ?? "", document));
            }
        }

        return found;
    }

    private static IEnumerable<string> Files(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new ResourceException($"The resources folder '{folder}' does not exist.");
        }

        return Directory.EnumerateFiles(folder)
            .Where(file => Path.GetExtension(file).ToLowerInvariant() is ".yaml" or ".yml")
            .Order(StringComparer.Ordinal);
    }

    private List<YamlNode> Documents(string file, IReadOnlyDictionary<string, string>? environment)
    {
        // One document that does not parse must not take its neighbours along, so they are parsed one by one.
        var documents = new List<YamlNode>();
        var whole = File.ReadAllText(file);
        if (environment is not null)
        {
            whole = Variable().Replace(whole, match => environment.GetValueOrDefault(match.Groups[1].Value + match.Groups[2].Value) ?? "");
        }

        foreach (var text in ("\n" + whole).Split("\n---"))
        {
            try
            {
                var stream = new YamlStream();
                stream.Load(new StringReader(text));
                documents.AddRange(stream.Documents.Select(document => document.RootNode));
            }
            catch (YamlException e)
            {
                LogNotParsed(file, e.Start.Line, e.Message);
            }
        }

        return documents;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{File}: a document does not parse as YAML and is left out (line {Line}: {Problem})")]
    private partial void LogNotParsed(string file, long line, string problem);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{File}: {Kind} '{Name}' is left out: {Problem}")]
    private partial void LogWrongType(string file, string kind, string name, string problem);

    [GeneratedRegex(@"\$(?:\{(\w+)\}|(\w+))")]
    private static partial Regex Variable();

    [LoggerMessage(Level = LogLevel.Debug, Message = "{File}: '{Kind}' of '{ApiVersion}' is no Dapr resource and is left out")]
    private partial void LogNotDapr(string file, string kind, string apiVersion);
}
