using System.Net.Sockets;
using Dapr.Client;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests;

/// <summary>Where the APIs listen (Dapr: unix-domain-socket, dapr-listen-addresses).</summary>
public sealed class ListenerTests
{
    [Fact]
    public async Task Both_APIs_are_at_Unix_domain_sockets_and_leave_none_behind()
    {
        using var sockets = new TempFolder();
        using var folder = new SidecarFolder().Component("store", "state.in-memory");
        string[] files = [Path.Combine(sockets.Path, "dapr-app-grpc.socket"), Path.Combine(sockets.Path, "dapr-app-http.socket")];
        await using (var sidecar = await Sidecar.StartAsync(Options(folder, socketsIn: sockets.Path)))
        {
            Assert.Equal(files.Select(file => $"unix:{file}"), [sidecar.GrpcEndpoint.ToString(), sidecar.HttpEndpoint.ToString()]);
            using var dapr = new DaprClientBuilder()
                .UseGrpcEndpoint("http://localhost").UseGrpcChannelOptions(new() { HttpHandler = At(files[0]) }).Build();
            using var http = new HttpClient(At(files[1])) { BaseAddress = new("http://localhost") };

            await dapr.SaveStateAsync("store", "k", "v");

            Assert.Equal("\"v\"", await http.GetStringAsync("/v1.0/state/store/k"));
            Assert.Equal(files, Directory.GetFiles(sockets.Path).Order());
        }

        Assert.Empty(Directory.GetFiles(sockets.Path));
    }

    [Fact]
    public async Task A_folder_for_sockets_that_is_not_there_is_named()
    {
        using var folder = new SidecarFolder().Component("store", "state.in-memory");
        var missing = Path.Combine(folder.Resources, "none");

        var error = await Assert.ThrowsAsync<IOException>(() => Sidecar.StartAsync(Options(folder, socketsIn: missing)));

        Assert.StartsWith($"The folder '{missing}' for Unix domain sockets is not there", error.Message, StringComparison.Ordinal);
    }

    [LinuxFact]
    public async Task An_address_that_the_machine_has_not_is_left_out_and_nobody_listens_at_none()
    {
        using var folder = new SidecarFolder().Component("store", "state.in-memory");

        // 192.0.2.0/24 is for documents: no machine has it.
        await using (var sidecar = await Sidecar.StartAsync(Options(folder, null, "192.0.2.1", "127.0.0.2")))
        {
            Assert.Equal(["127.0.0.2", "127.0.0.2"], [sidecar.HttpEndpoint.Host, sidecar.GrpcEndpoint.Host]);
            using var dapr = new DaprClientBuilder()
                .UseHttpEndpoint(sidecar.HttpEndpoint.ToString()).UseGrpcEndpoint(sidecar.GrpcEndpoint.ToString()).Build();
            await dapr.SaveStateAsync("store", "k", "v");
            Assert.True(await dapr.CheckHealthAsync());
        }

        var error = await Assert.ThrowsAsync<IOException>(() => Sidecar.StartAsync(Options(folder, null, "192.0.2.1")));
        Assert.Contains("could not listen on any endpoint", error.Message, StringComparison.Ordinal);
    }

    private static SidecarOptions Options(SidecarFolder folder, string? socketsIn, params string[] addresses) => new()
    {
        AppId = "app",
        ResourcesPaths = [folder.Resources],
        DataPath = folder.Data,
        UnixDomainSocket = socketsIn,
        ListenAddresses = addresses,
    };

    private static SocketsHttpHandler At(string file) => new()
    {
        UseProxy = false,
        ConnectCallback = async (_, cancellationToken) =>
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(file), cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        },
    };
}
