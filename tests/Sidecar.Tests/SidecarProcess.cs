using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests;

/// <summary>The sidecar as a process of its own, with the app id <c>app</c>.</summary>
internal sealed class SidecarProcess : IDisposable
{
    private readonly Process _process;
    private readonly HttpClient _http;

    private SidecarProcess(SidecarFolder folder, int appPort)
    {
        var port = Ports.Free();
        Directory.CreateDirectory(folder.Data);
        _process = Process.Start(new ProcessStartInfo("dotnet",
        [
            typeof(Sidecar).Assembly.Location, "--app-id", "app", "--app-port", $"{appPort}", "--dapr-http-port", $"{port}", "--dapr-grpc-port", $"{Ports.Free()}",
            "--resources-path", folder.Resources, "--log-level", "fatal", "--enable-metrics", "false",
        ])
        { WorkingDirectory = folder.Data })!;
        _http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new($"http://127.0.0.1:{port}") };
    }

    public static async Task<SidecarProcess> Start(SidecarFolder folder, int appPort)
    {
        var process = new SidecarProcess(folder, appPort);
        await Eventually.Get(async () => await process.TryGet("/v1.0/healthz") ? "" : null, "the sidecar");
        return process;
    }

    public void Kill()
    {
        // On Unix this is SIGKILL.
        _process.Kill();
        _process.WaitForExit();
    }

    public async Task<bool> TryPost(string path, string json)
    {
        try
        {
            using var body = new StringContent(json, Encoding.UTF8, "application/json");
            using var response = await _http.PostAsync(new Uri(path, UriKind.Relative), body);
            return response.StatusCode == HttpStatusCode.NoContent;
        }
        catch (Exception e) when (e is HttpRequestException or SocketException)
        {
            return false;
        }
    }

    public async Task<string> Get(string path) => await _http.GetStringAsync(new Uri(path, UriKind.Relative));

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            Kill();
        }

        _process.Dispose();
        _http.Dispose();
    }

    private async Task<bool> TryGet(string path)
    {
        try
        {
            using var response = await _http.GetAsync(new Uri(path, UriKind.Relative));
            return response.IsSuccessStatusCode;
        }
        catch (Exception e) when (e is HttpRequestException or SocketException)
        {
            return false;
        }
    }
}
