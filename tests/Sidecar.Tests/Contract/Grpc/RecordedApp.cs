using System.Text.Json;
using Lavka.Testing;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Lavka.Sidecar.Tests.Contract.Grpc;

/// <summary>The app beside a sidecar, by HTTP or by gRPC.</summary>
internal sealed class RecordedApp : IAsyncDisposable
{
    private readonly HttpScript? _script;
    private ScriptedApp? _http;
    private GrpcScriptedApp? _grpc;
    private int _forgotten;

    private RecordedApp(JsonElement app)
    {
        Protocol = app.GetProperty("protocol").GetString()!;
        _script = Protocol == "grpc" ? null : new(app);
    }

    public string Protocol { get; }

    public int Port => _grpc?.Port ?? _http!.Port;

    public static async Task<RecordedApp> Start(JsonElement script)
    {
        var app = new RecordedApp(script);
        if (app._script is null)
        {
            app._grpc = await GrpcScriptedApp.Start(script);
        }
        else
        {
            app._http = await ScriptedApp.Start(app._script.AnswerTo, protocols: app.Protocol == "h2c" ? HttpProtocols.Http2 : HttpProtocols.Http1);
        }

        return app;
    }

    /// <summary>Hit counts and log start anew.</summary>
    public void Forget()
    {
        _script?.Forget();
        _grpc?.Script.Forget();
        _forgotten = All.Count;
    }

    public void Change(JsonElement answers) => _grpc!.Script.Change(answers);

    /// <summary>What it got, each a <see cref="Received"/> or a <see cref="GrpcReceived"/>.</summary>
    /// <param name="sinceStart">Otherwise: since the last <see cref="Forget"/>.</param>
    public IReadOnlyList<object> Log(bool sinceStart) => [.. All.Skip(sinceStart ? 0 : _forgotten)];

    public async ValueTask DisposeAsync()
    {
        await (_http?.DisposeAsync() ?? default);
        await (_grpc?.DisposeAsync() ?? default);
    }

    // OPTIONS was not recorded.
    private List<object> All => [.. (IEnumerable<object>?)_grpc?.Log ?? _http!.Log.Where(request => request.Method != "OPTIONS")];
}
