using Grpc.Core;
using Lavka.Sidecar.Testing;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests.Grpc;

/// <summary>Secrets as Dapr's own .NET client asks for them: by gRPC.</summary>
public sealed class SecretTests
{
    private const string DenyOne = """
        apiVersion: dapr.io/v1alpha1
        kind: Configuration
        metadata:
          name: config
        spec:
          secrets:
            scopes:
            - storeName: secrets
              defaultAccess: allow
              deniedSecrets: ["hidden"]
        """;

    [Fact]
    public async Task The_app_reads_its_secrets_and_no_others()
    {
        using var folder = new TempFolder();
        var file = folder.Write("secrets.json", """{"key":"value","hidden":"x","db":{"password":"p"}}""");
        await using var sidecar = await EmbeddedSidecar.StartAsync(new()
        {
            Resources = [TestApp.Component("secrets", "secretstores.local.file", ("secretsFile", file))],
            Configuration = DenyOne,
        });
        using var dapr = OverGrpc.Client(sidecar);

        Assert.Equal("value", (await dapr.GetSecretAsync("secrets", "key"))["key"]);
        Assert.Equal(["db:password", "key"], (await dapr.GetBulkSecretAsync("secrets")).Keys.Order(StringComparer.Ordinal));

        var hidden = await OverGrpc.Refused(() => dapr.GetSecretAsync("secrets", "hidden"));
        Assert.Equal((StatusCode.PermissionDenied, "access denied by policy to get \"hidden\" from \"secrets\""), (hidden.StatusCode, hidden.Status.Detail));
        var missing = await OverGrpc.Refused(() => dapr.GetSecretAsync("secrets", "none"));
        Assert.Equal((StatusCode.Internal, "failed getting secret with key none from secret store secrets: secret none not found"), (missing.StatusCode, missing.Status.Detail));
        Assert.Equal(StatusCode.InvalidArgument, (await OverGrpc.Refused(() => dapr.GetBulkSecretAsync("nope"))).StatusCode);
    }

    [Fact]
    public async Task Without_a_store_there_are_none()
    {
        await using var sidecar = await EmbeddedSidecar.StartAsync();
        using var dapr = OverGrpc.Client(sidecar);

        var error = await OverGrpc.Refused(() => dapr.GetSecretAsync("secrets", "key"));

        Assert.Equal((StatusCode.FailedPrecondition, "secret store is not configured"), (error.StatusCode, error.Status.Detail));
    }
}
