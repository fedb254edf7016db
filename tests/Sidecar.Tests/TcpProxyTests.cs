using System.Net;
using System.Net.Sockets;
using Lavka.Sidecar.Testing;

namespace Lavka.Sidecar.Tests;

public sealed class TcpProxyTests : IAsyncLifetime
{
    private readonly TcpListener _server = new(IPAddress.Loopback, 0);
    private TcpProxy _proxy = null!;

    public Task InitializeAsync()
    {
        _server.Start();
        _proxy = TcpProxy.Start(((IPEndPoint)_server.LocalEndpoint).Port);
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        await _proxy.DisposeAsync();
        _server.Stop();
    }

    [Fact]
    public async Task One_that_refuses_closes_what_there_is_and_what_comes_until_it_is_resumed()
    {
        var (client, _) = await Connect();
        _proxy.Refuse();

        Assert.Equal(0, await Receive(client));
        using var refused = new TcpClient();
        await refused.ConnectAsync(IPAddress.Loopback, _proxy.Port);
        Assert.Equal(0, await Receive(refused));

        _proxy.Resume();
        var (again, server) = await Connect();
        await again.GetStream().WriteAsync(new byte[3]);
        Assert.Equal(3, await Receive(server));
    }

    [Fact]
    public async Task Paused_for_answers_alone_it_brings_on_what_is_asked()
    {
        var (client, server) = await Connect();
        _proxy.Pause(answersAlone: true);

        await client.GetStream().WriteAsync(new byte[5]);
        Assert.Equal(5, await Receive(server));
        await server.GetStream().WriteAsync(new byte[7]);
        var answer = Receive(client);
        await Task.Delay(100);
        Assert.False(answer.IsCompleted);

        _proxy.Resume();
        Assert.Equal(7, await answer);
    }

    private static async Task<int> Receive(TcpClient from)
    {
        try
        {
            return await from.GetStream().ReadAsync(new byte[100]);
        }
        catch (IOException)
        {
            // A reset is an end, too.
            return 0;
        }
    }

    private async Task<(TcpClient Client, TcpClient Server)> Connect()
    {
        var accepting = _server.AcceptTcpClientAsync();
        var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, _proxy.Port);
        return (client, await accepting);
    }
}
