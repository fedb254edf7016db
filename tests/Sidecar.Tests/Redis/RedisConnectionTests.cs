using System.Security.Cryptography.X509Certificates;
using Lavka.Sidecar.Resources;
using Lavka.Sidecar.Testing;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests;

/// <summary>How Redis' components come to a connection, and what they say where they do not; with lock.redis, which has nothing else.</summary>
public sealed class RedisConnectionTests
{
    [RedisTheory]
    [InlineData("redisPassword", "wr0ng", "refuses the user 'default': the name (redisUsername) or the password (redisPassword) is wrong")]
    [InlineData("redisPassword", "", "it wants a password (redisPassword)")]
    [InlineData("redisUsername", "nobody", "refuses the user 'nobody'")]
    [InlineData("redisDB", "5000", "The database does not exist on the server: 5000")]
    public async Task What_will_not_change_by_itself_is_refused_at_once_with_a_message_that_says_what_and_where(string field, string value, string says)
    {
        await using var server = await RedisServer.Start("--requirepass", "s3cr3t");

        // It would wait longer than the test does.
        var error = await StartError(server.Address, "1h", ("redisPassword", "s3cr3t"), (field, value));

        Assert.Contains($"Redis at {server.Address}: ", error, StringComparison.Ordinal);
        Assert.Contains(says, error, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cr3t", error, StringComparison.Ordinal);
        Assert.DoesNotContain("wr0ng", error, StringComparison.Ordinal);
    }

    [RedisFact]
    public async Task A_user_of_its_own_with_a_password_gets_in()
    {
        await using var server = await RedisServer.Start();
        await server.Do("ACL", "SETUSER", "lavka", "on", ">secret", "~*", "+@all");

        await using var test = await TestApp.Start(options: new() { Resources = [server.Component("locks", "lock.redis", ("redisUsername", "lavka"), ("redisPassword", "secret"))] });

        Assert.Equal("""{"success":true}""", (await test.Post("/v1.0-alpha1/lock/locks", """{"resourceId":"r","lockOwner":"o","expiryInSeconds":60}""")).Body);
    }

    [Fact]
    public async Task A_Redis_that_is_not_there_within_initTimeout_is_named()
    {
        var address = $"127.0.0.1:{Ports.Free()}";

        Assert.Contains($"Redis at {address}: Connection refused", await StartError(address, "3s"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_Redis_that_does_not_answer_within_initTimeout_is_named()
    {
        await using var silent = TcpProxy.Start(1);
        silent.Pause();

        Assert.Contains($"Redis at 127.0.0.1:{silent.Port}: it does not answer", await StartError($"127.0.0.1:{silent.Port}", "500ms"), StringComparison.Ordinal);
    }

    [RedisFact]
    public async Task A_Redis_that_comes_within_initTimeout_is_waited_for()
    {
        await using var server = await RedisServer.Start();
        await server.Stop();

        var starting = TestApp.Start(options: new() { Resources = [server.Component("locks", "lock.redis").WithInitTimeout("1m")] });
        await server.Restart();

        await using var test = await starting;
    }

    [RedisFact]
    public async Task A_certificate_is_trusted_if_caCert_says_so_and_any_if_insecureSkipTLSVerify_does()
    {
        using var certificate = TestCertificate.ForLocalhost();
        using var folder = new TempFolder();
        var port = Ports.Free();
        var file = folder.Write("redis.crt", certificate.ExportCertificatePem());
        await using var server = await RedisServer.Start("--tls-port", $"{port}", "--tls-cert-file", file, "--tls-key-file", folder.Write("redis.key", certificate.GetRSAPrivateKey()!.ExportPkcs8PrivateKeyPem()),
            "--tls-ca-cert-file", file, "--tls-auth-clients", "no");
        (string Name, string Value)[] secure = [("redisHost", $"localhost:{port}"), ("enableTLS", "true")];

        // In YAML's quotes a line end is two, and a line must not begin with three hyphens.
        var pem = certificate.ExportCertificatePem().Replace("\n", "\n\n    ", StringComparison.Ordinal);
        await (await TestApp.Start(options: new() { Resources = [TestApp.Component("locks", "lock.redis", [.. secure, ("caCert", pem)])] })).DisposeAsync();
        await (await TestApp.Start(options: new() { Resources = [TestApp.Component("locks", "lock.redis", [.. secure, ("insecureSkipTLSVerify", "true")])] })).DisposeAsync();
        var error = await StartError($"localhost:{port}", "1h", ("enableTLS", "true"));

        Assert.Contains($"Redis at localhost:{port}: its certificate is not trusted for this host", error, StringComparison.Ordinal);
        Assert.Contains("caCert", error, StringComparison.Ordinal);
    }

    private static async Task<string> StartError(string address, string initTimeout, params (string Name, string Value)[] fields)
    {
        (string Name, string Value)[] all = [("redisHost", address), .. fields];
        var component = TestApp.Component("locks", "lock.redis", [.. all.GroupBy(field => field.Name).Select(group => group.Last())]).WithInitTimeout(initTimeout);
        return (await Assert.ThrowsAsync<ResourceException>(() => TestApp.Start(options: new() { Resources = [component] }))).Message;
    }
}
