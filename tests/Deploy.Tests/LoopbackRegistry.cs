using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace Lavka.Deploy.Tests;

/// <summary>A registry on loopback with one image, which has no files: for builds whose base image cannot be pulled where the tests run.</summary>
internal sealed class LoopbackRegistry : IAsyncDisposable
{
    private const string ManifestType = "application/vnd.docker.distribution.manifest.v2+json";

    private readonly WebApplication _server;

    private LoopbackRegistry(WebApplication server) => _server = server;

    /// <param name="port">A free one.</param>
    /// <param name="user">The image's user.</param>
    /// <param name="environment">The image's variables, NAME=value.</param>
    public static async Task<LoopbackRegistry> Start(int port, string user, params string[] environment)
    {
        var layer = new byte[1024];
        var configuration = JsonSerializer.SerializeToUtf8Bytes(new
        {
            architecture = "amd64",
            os = "linux",
            config = new { User = user, Env = environment },
            rootfs = new { type = "layers", diff_ids = new[] { Digest(layer) } },
            history = new[] { new { created_by = "nothing" } },
        });
        var manifest = JsonSerializer.SerializeToUtf8Bytes(new
        {
            schemaVersion = 2,
            mediaType = ManifestType,
            config = new { mediaType = "application/vnd.docker.container.image.v1+json", size = configuration.Length, digest = Digest(configuration) },
            layers = new[] { new { mediaType = "application/vnd.docker.image.rootfs.diff.tar", size = layer.Length, digest = Digest(layer) } },
        });

        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, port));
        var server = builder.Build();
        server.Run(http => Answer(http, manifest, configuration, layer));
        await server.StartAsync();
        return new(server);
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private static Task Answer(HttpContext http, byte[] manifest, params byte[][] blobs)
    {
        var path = http.Request.Path.Value!;
        var body = path.Contains("/manifests/", StringComparison.Ordinal) ? manifest : blobs.FirstOrDefault(blob => path.EndsWith(Digest(blob), StringComparison.Ordinal)) ?? Encoding.UTF8.GetBytes("{}");
        http.Response.ContentType = body == manifest ? ManifestType : "application/octet-stream";
        http.Response.Headers["Docker-Content-Digest"] = Digest(body);
        http.Response.ContentLength = body.Length;
        return HttpMethods.IsHead(http.Request.Method) ? Task.CompletedTask : http.Response.Body.WriteAsync(body).AsTask();
    }

    private static string Digest(byte[] content) => $"sha256:{Convert.ToHexStringLower(SHA256.HashData(content))}";
}
