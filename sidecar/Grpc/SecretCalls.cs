using Dapr.Client.Autogen.Grpc.v1;
using Lavka.Sidecar.Secrets;

namespace Lavka.Sidecar.Grpc;

/// <summary>The secrets calls of Dapr's gRPC API (Dapr: reference/api/secrets_api).</summary>
internal sealed class SecretCalls(SecretsManagement secrets)
{
    public void AddTo(GrpcMethods methods)
    {
        methods.Unary<GetSecretRequest, GetSecretResponse>("secrets", GetSecret);
        methods.Unary<GetBulkSecretRequest, GetBulkSecretResponse>("secrets", GetBulkSecret);
    }

    private async Task<GetSecretResponse> GetSecret(GetSecretRequest request, GrpcCall call)
    {
        var response = new GetSecretResponse();
        response.Data.AddRange(await secrets.Get(request.StoreName, request.Key, call.Stop));
        return response;
    }

    private async Task<GetBulkSecretResponse> GetBulkSecret(GetBulkSecretRequest request, GrpcCall call)
    {
        var response = new GetBulkSecretResponse();
        foreach (var (name, values) in await secrets.GetBulk(request.StoreName, call.Stop))
        {
            var secret = new SecretResponse();
            secret.Secrets.AddRange(values);
            response.Data[name] = secret;
        }

        return response;
    }
}
