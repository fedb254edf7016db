using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Lavka.Sidecar.Resources;

/// <summary>
/// Reads the resources of some folders: every <c>.yaml</c> and <c>.yml</c> file directly in them, several documents a file. As with daprd, a document
/// that does not parse is reported and left out, and so is a kind that is not Dapr's.
/// </summary>
internal sealed partial class ResourceLoader(ILogger log)
{
    private static readonly string[] Kinds = ["Component", "Subscription", "Resiliency", "Configuration", "HTTPEndpoint"];

    /// <exception cref="ResourceException">A folder is not there.</exception>
    public IReadOnlyList<Resource> LoadFolders(IEnumerable<string> folders) =>
        [.. folders.SelectMany(Files).SelectMany(LoadFile)];

    /// <summary>The Dapr resources of one file.</summary>
    public IReadOnlyList<Resource> LoadFile(string file)
    {
        var found = new List<Resource>();
        foreach (var document in Documents(file))
        {
            var (apiVersion, kind) = (document.Text("apiVersion") ?? "", document.Text("kind") ?? "");
            if (apiVersion.StartsWith("dapr.io/", StringComparison.Ordinal) && Kinds.Contains(kind))
            {
                found.Add(new(file, apiVersion, kind, document.Get("metadata").Text("name") ?? "", document));
            }
            else
            {
                LogNotDapr(file, kind, apiVersion);
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

    private List<YamlNode> Documents(string file)
    {
        // One document that does not parse must not take its neighbours along, so they are parsed one by one.
        var documents = new List<YamlNode>();
        foreach (var text in ("\n" + File.ReadAllText(file)).Split("\n---"))
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

    [LoggerMessage(Level = LogLevel.Debug, Message = "{File}: '{Kind}' of '{ApiVersion}' is no Dapr resource and is left out")]
    private partial void LogNotDapr(string file, string kind, string apiVersion);
}
