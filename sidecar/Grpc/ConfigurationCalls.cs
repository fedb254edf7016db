using Dapr.Client.Autogen.Grpc.v1;
using Grpc.Core;
using Lavka.Sidecar.Configuration;
using Item = Dapr.Client.Autogen.Grpc.v1.ConfigurationItem;

namespace Lavka.Sidecar.Grpc;

/// <summary>The configuration calls of Dapr's gRPC API (Dapr: reference/api/configuration_api), under their old names too.</summary>
internal sealed class ConfigurationCalls(ConfigurationManagement configuration)
{
    public void AddTo(GrpcMethods methods)
    {
        foreach (var version in new[] { "", "Alpha1" })
        {
            methods.Unary<GetConfigurationRequest, GetConfigurationResponse>("configuration", GetConfiguration, nameof(GetConfiguration) + version);
            methods.ServerStream<SubscribeConfigurationRequest, SubscribeConfigurationResponse>("configuration", SubscribeConfiguration, nameof(SubscribeConfiguration) + version);
            methods.Unary<UnsubscribeConfigurationRequest, UnsubscribeConfigurationResponse>("configuration", UnsubscribeConfiguration, nameof(UnsubscribeConfiguration) + version);
        }
    }

    private async Task<GetConfigurationResponse> GetConfiguration(GetConfigurationRequest request, GrpcCall call)
    {
        var response = new GetConfigurationResponse();
        foreach (var (key, item) in await configuration.Get(request.StoreName, request.Keys, call.Stop))
        {
            response.Items[key] = ToMessage(item);
        }

        return response;
    }

    // The first message has the id alone, so whoever subscribes knows when it is done; changes wait for it.
    private async Task SubscribeConfiguration(SubscribeConfigurationRequest request, IServerStreamWriter<SubscribeConfigurationResponse> answers, GrpcCall call)
    {
        var turn = new SemaphoreSlim(0, 1);
        var subscription = await configuration.Subscribe(request.StoreName, request.Keys, Tell, call.Stop);
        try
        {
            await answers.WriteAsync(new() { Id = subscription.Id }, call.Stop);
            turn.Release();
            await subscription.Ended.WaitAsync(call.Stop);
        }
        catch (OperationCanceledException) when (call.Stop.IsCancellationRequested)
        {
            // The caller has gone, and with it the subscription.
        }
        finally
        {
            await configuration.Unsubscribe(subscription.Id);
        }

        async Task Tell(string id, IReadOnlyDictionary<string, Configuration.ConfigurationItem?> items, CancellationToken stop)
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, call.Stop);
            var response = new SubscribeConfigurationResponse { Id = id };
            foreach (var (key, item) in items)
            {
                response.Items[key] = ToMessage(item);
            }

            try
            {
                await turn.WaitAsync(either.Token);
                await answers.WriteAsync(response, either.Token);
                turn.Release();
            }
            catch (Exception e) when (e is OperationCanceledException or InvalidOperationException or IOException)
            {
                // The caller has gone, or the subscription is over: nobody is there to be told, and no turn to be had.
            }
        }
    }

    private async Task<UnsubscribeConfigurationResponse> UnsubscribeConfiguration(UnsubscribeConfigurationRequest request, GrpcCall call) =>
        await configuration.Unsubscribe(request.Id)
            ? new() { Ok = true }
            : new() { Message = $"failed to unsubscribe to configuration request {request.Id}: subscription does not exist" };

    private static Item ToMessage(Configuration.ConfigurationItem? item) => item is null ? new() : new() { Value = item.Value, Version = item.Version };
}
