using System.Net;
using Lavka.Sidecar.Resources;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests;

public sealed class RabbitMqTlsTests
{
    [RabbitMqFact]
    public async Task A_certificate_is_trusted_if_caCert_says_so()
    {
        using var certificate = TestCertificate.ForLocalhost();
        await using var server = await RabbitMqServer.Start(certificate);
        var address = $"amqps://guest:guest@localhost:{server.TlsPort}";
        var topic = RabbitMq.NewTopic();

        // In YAML's quotes a line end is two, and a line must not begin with three hyphens.
        var trusting = RabbitMq.Component(address, ("caCert", certificate.ExportCertificatePem().Replace("\n", "\n\n    ", StringComparison.Ordinal)));
        await using var test = await TestApp.Start($$"""[{"pubsubname":"pubsub","topic":"{{topic}}","route":"/on"}]""", null, new() { Resources = [trusting] });
        Assert.Equal((HttpStatusCode.NoContent, ""), await test.Post($"/v1.0/publish/pubsub/{topic}", "1"));
        await test.Received("/on");

        var error = await Assert.ThrowsAsync<ResourceException>(() => TestApp.Start(options: new() { Resources = [RabbitMq.Component(address).WithInitTimeout("1h")] }));
        Assert.Contains($"RabbitMQ at localhost:{server.TlsPort} has a certificate that is not trusted for this host; caCert must have the one that has signed it", error.Message, StringComparison.Ordinal);
    }
}
