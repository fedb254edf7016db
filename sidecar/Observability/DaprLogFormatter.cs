using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Options;

namespace Lavka.Sidecar.Observability;

/// <summary>How the log is written.</summary>
internal sealed class DaprLogOptions : ConsoleFormatterOptions
{
    public string AppId { get; set; } = "";

    public bool AsJson { get; set; }
}

/// <summary>daprd's log lines: <c>time=... level=info msg=...</c>, or with <c>--log-as-json</c> an object a line, with the same fields (Dapr: operations/observability/logging).</summary>
internal sealed partial class DaprLogFormatter(IOptionsMonitor<DaprLogOptions> options) : ConsoleFormatter(FormatterName)
{
    public const string FormatterName = "dapr";

    private static readonly JsonWriterOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        var message = logEntry.Formatter(logEntry.State, logEntry.Exception);
        if (logEntry.Exception is { } error)
        {
            message = $"{message}: {error}";
        }

        // In daprd's order: alphabetical.
        var fields = new (string Name, string Value)[]
        {
            ("app_id", options.CurrentValue.AppId),
            ("instance", Environment.MachineName),
            ("level", logEntry.LogLevel switch
            {
                LogLevel.Trace or LogLevel.Debug => "debug",
                LogLevel.Information => "info",
                LogLevel.Warning => "warning",
                LogLevel.Error => "error",
                _ => "fatal",
            }),
            ("msg", message),
            ("scope", Scope(logEntry.Category)),
            ("time", DateTimeOffset.Now.ToString("yyyy-MM-dd'T'HH:mm:ss.fffffffK", CultureInfo.InvariantCulture)),
            ("type", "log"),
            ("ver", Sidecar.RuntimeVersion),
        };
        textWriter.WriteLine(options.CurrentValue.AsJson ? Json(fields) : Text(fields));
    }

    private static string Json((string Name, string Value)[] fields)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, Compact))
        {
            json.WriteStartObject();
            foreach (var (name, value) in fields)
            {
                json.WriteString(name, value);
            }

            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    private static string Text((string Name, string Value)[] fields) => string.Join(' ', new[] { "time", "level", "msg" }
        .Concat(fields.Select(field => field.Name).Except(["time", "level", "msg"]))
        .Select(name => $"{name}={Quoted(fields.First(field => field.Name == name).Value)}"));

    private static string Quoted(string value) => Plain().IsMatch(value) ? value : $"\"{JavaScriptEncoder.UnsafeRelaxedJsonEscaping.Encode(value)}\"";

    // Lavka.Sidecar.PubSub.EmbeddedLog is dapr.runtime.pubsub.embeddedlog; daprd's own names stay.
    private static string Scope(string category) => category.StartsWith("Lavka.Sidecar", StringComparison.Ordinal) ? "dapr.runtime" + category["Lavka.Sidecar".Length..].ToLowerInvariant() : category;

    [GeneratedRegex("^[A-Za-z0-9._/@^+-]*$")]
    private static partial Regex Plain();
}
