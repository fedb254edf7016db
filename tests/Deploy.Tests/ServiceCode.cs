using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Lavka.Testing;

namespace Lavka.Deploy.Tests;

/// <summary>A service as dapr.yaml has it.</summary>
/// <param name="Folder">From the repository's root.</param>
/// <param name="Protocol">What it speaks.</param>
internal sealed record App(string Id, string Folder, int Port, string Protocol);

/// <summary>A call of one service by another, through Dapr.</summary>
internal sealed record Call(string Caller, string Called, string Verb, string Path);

/// <summary>What the services' code asks of its surroundings, read from its text.</summary>
internal static partial class ServiceCode
{
    private static readonly string[] Verbs = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

    public static IReadOnlyList<App> Apps { get; } = [.. YamlJson.Nodes(File.ReadAllText(Path.Combine(Repository.Root, "dapr.yaml"))).Single().Items("apps")
        .Select(app => new App(app.Text("appID"), app.Text("appDirPath"), app.Number("appPort")!.Value, app.Text("appProtocol") is { Length: > 0 } protocol ? protocol : "http"))];

    // A test of the shop keeps the document equal to what the services ask their sidecars for.
    private static readonly IReadOnlyList<JsonNode> Operations =
        [.. JsonNode.Parse(File.ReadAllText(Path.Combine(Repository.Root, "docs", "asyncapi.json")))!["operations"]!.AsObject().Select(operation => operation.Value!)];

    // By name as other classes write it: Topics.Users.
    private static readonly Dictionary<string, string> Constants = Files("services")
        .SelectMany(file => Constant().Matches(file.Text).Select(match => ($"{file.Name}.{match.Groups[1].Value}", match.Groups[2].Value)))
        .ToDictionary(constant => constant.Item1, constant => constant.Item2);

    private static readonly Dictionary<string, string[]> Literals = Apps.ToDictionary(app => app.Id, app => Files(app.Folder).SelectMany(file =>
        Literal().Matches(file.Text).Select(match => match.Groups[2].Value)
            .Concat(Name().Matches(file.Text).Select(match => Constants.GetValueOrDefault(match.Value)).OfType<string>())
            // Its store, and what tells of it.
            .Concat(file.Text.Contains("AddAggregateStore()", StringComparison.Ordinal) ? [Constants["Outbox.Store"], Constants["Outbox.PubSub"]] : [])).Distinct().ToArray());

    /// <summary>Whether the service uses the Dapr component.</summary>
    public static bool Uses(string appId, string component) => Literals[appId].Contains(component);

    /// <summary>The secrets that the service reads.</summary>
    public static IEnumerable<string> SecretsOf(string appId) => Constants.Where(constant => constant.Key.StartsWith("Secrets.", StringComparison.Ordinal) && constant.Key != "Secrets.Store")
        .Select(constant => constant.Value).Where(Literals[appId].Contains);

    /// <summary>The topics of other services', and its own, that the service listens to; dead letters are none.</summary>
    public static IEnumerable<string> TopicsOf(string appId) =>
        Operations.Where(operation => operation.Text("action") == "receive" && operation.Items("tags").Any(tag => tag.Text("name") == appId)).Select(operation => operation.Text("channel.$ref").Split('/')[^1])
            // What is in JavaScript is not in that document.
            .Concat(Files(Apps.Single(app => app.Id == appId).Folder).SelectMany(file => JavaScriptTopic().Matches(file.Text)).Select(match => match.Groups[1].Value))
            .Distinct().Order(StringComparer.Ordinal);

    /// <summary>Every call of another service. Where the code says more than one at once, there are samples.</summary>
    /// <exception cref="FormatException">A call is written in a way that is not understood here.</exception>
    public static IReadOnlyList<Call> Calls { get; } = [.. Apps.SelectMany(app => Files(app.Folder).SelectMany(file => CallsOf(app.Id, file).Concat(ForwardsOf(app.Id, file)).Concat(GrpcCallsOf(app.Id, file)))).Distinct()];

    /// <summary>The files that call services themselves; all others do it through the class Peers.</summary>
    public static IEnumerable<string> Callers => Files("services").Where(file => Invocation().IsMatch(file.Text)).Select(file => file.Name).Distinct();

    private static IEnumerable<Call> CallsOf(string caller, (string Name, string Text) file)
    {
        var calls = PeersCall().Matches(file.Text);
        if (calls.Count != PeersUse().Count(file.Text))
        {
            throw new FormatException($"{file.Name} of {caller} calls a service in a way that {nameof(ServiceCode)} does not understand.");
        }

        return from match in calls
               from called in Called(file, match.Groups["service"].Value)
               select new Call(caller, called, match.Groups["verb"] is { Success: true } verb ? verb.Value.ToUpperInvariant() : "GET", Hole().Replace(match.Groups["path"].Value, "a-1"));
    }

    private static IEnumerable<string> Called((string Name, string Text) file, string expression) => (file.Name, expression) switch
    {
        ("DeadLetterAdmin" or "StandingAdmin", _) => OwnServices().Match(file.Text).Groups[1].Value.Split(", ").Select(Resolve),

        // What passes on what it is asked for; who asks is read.
        ("Overview", "service") => [],
        _ => [Resolve(expression)],
    };

    private static IEnumerable<Call> ForwardsOf(string caller, (string Name, string Text) file) =>
        from match in Forward().Matches(file.Text)
        from verb in match.Groups["verb"] is { Success: true, Value: not "*" } one ? [one.Value] : Verbs
        from path in Samples($"/{match.Groups["version"].Value}/{match.Groups["pattern"].Value}")
        select new Call(caller, Resolve(match.Groups["service"].Value is var service && service.Contains('.', StringComparison.Ordinal) ? service : $"{file.Name}.{service}"), verb, path);

    // Whoever has a service's client may make each of its calls.
    private static IEnumerable<Call> GrpcCallsOf(string caller, (string Name, string Text) file) =>
        from match in GrpcPeer().Matches(file.Text)
        from proto in DeployFiles.Named("*.proto", "services").Select(DeployFiles.Text)
        where proto.Contains($"service {match.Groups["client"].Value} ", StringComparison.Ordinal)
        from method in ProtoMethod().Matches(proto)
        select new Call(caller, Resolve(match.Groups["service"].Value), "POST", $"/{ProtoPackage().Match(proto).Groups[1].Value}.{match.Groups["client"].Value}/{method.Groups[1].Value}");

    private static IEnumerable<string> Samples(string pattern) => new[] { "", "/a-1", "/a-1/b" }.Select(rest => Hole().Replace(pattern.Replace("/{**rest}", rest, StringComparison.Ordinal), "a-1")).Distinct();

    private static string Resolve(string expression) => Constants.TryGetValue(expression, out var value) ? value : throw new FormatException($"'{expression}' is not understood here: which service is called?");

    private static IEnumerable<(string Name, string Text)> Files(string folder) => DeployFiles.Named("*", folder)
        .Where(file => Path.GetExtension(file) is ".cs" or ".js" && !file.Split('/').Any(part => part is "test" or "ops"))
        .Select(file => (Path.GetFileNameWithoutExtension(file), DeployFiles.Text(file)));

    [GeneratedRegex("""const string (\w+) = "([^"]*)";""")]
    private static partial Regex Constant();

    [GeneratedRegex("""(["'])([^"'\n]*)\1""")]
    private static partial Regex Literal();

    [GeneratedRegex(@"\b[A-Z]\w*\.[A-Z]\w*\b")]
    private static partial Regex Name();

    [GeneratedRegex("const topic = '([a-z]+)';")]
    private static partial Regex JavaScriptTopic();

    [GeneratedRegex(@"\bpeers\.\w+|\bAsk<(?!T>)")]
    private static partial Regex PeersUse();

    [GeneratedRegex("""\b(?:peers\.(?:Get<[^(]*>|Send)|Ask<[^(]*>)\((?<service>Known\(\w+\)|[\w.]+), (?:HttpMethod\.(?<verb>\w+), )?(?:\$?"(?<path>[^"?]*)|path\b)""")]
    private static partial Regex PeersCall();

    [GeneratedRegex(@"Services = \[([^\]]+)\]")]
    private static partial Regex OwnServices();

    [GeneratedRegex("""\b(?<version>v[12])\.Forward\((?:"(?<verb>[A-Z*]+)", )?"(?<pattern>[^"]+)", (?<service>[\w.]+)\)""")]
    private static partial Regex Forward();

    [GeneratedRegex(@"\bAddGrpcPeer\((?<service>[\w.]+), peer => new (?<client>\w+)\.")]
    private static partial Regex GrpcPeer();

    [GeneratedRegex(@"^package ([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex ProtoPackage();

    [GeneratedRegex(@"^ *rpc (\w+)", RegexOptions.Multiline)]
    private static partial Regex ProtoMethod();

    [GeneratedRegex(@"\{[^{}]*\}")]
    private static partial Regex Hole();

    [GeneratedRegex(@"CreateInvokableHttpClient|InvocationInterceptor|InvokeMethod|v1\.0/invoke|invoker\.invoke")]
    private static partial Regex Invocation();
}
