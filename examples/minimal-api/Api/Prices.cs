using System.Collections.Concurrent;
using System.Text.Json;
using Dapr.AppCallback.Autogen.Grpc.v1;
using Grpc.Core;
using Grpc.Net.Client;

namespace MinimalApi;

/// <summary>
/// Prices as they are told: a streaming subscription (Dapr: developing-applications/building-blocks/pubsub/subscription-methods), which needs no endpoint in the app. It is written
/// against Dapr's protocol; with the package Dapr.Messaging it is one call.
/// </summary>
internal sealed class Prices(IConfiguration configuration) : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, Price> _prices = new();

    public Price? Find(string product) => _prices.GetValueOrDefault(product);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var channel = GrpcChannel.ForAddress($"http://localhost:{configuration["DAPR_GRPC_PORT"] ?? "50001"}");
        var dapr = new Dapr.Client.Autogen.Grpc.v1.Dapr.DaprClient(channel);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await Follow(dapr, stoppingToken);
            }
            catch (RpcException) when (!stoppingToken.IsCancellationRequested)
            {
                // The sidecar is not there yet, or not any more.
                await Task.Delay(Pause, stoppingToken);
            }
            catch (RpcException)
            {
                return;
            }
        }
    }

    private async Task Follow(Dapr.Client.Autogen.Grpc.v1.Dapr.DaprClient dapr, CancellationToken stoppingToken)
    {
        using var stream = dapr.SubscribeTopicEventsAlpha1(cancellationToken: stoppingToken);
        await stream.RequestStream.WriteAsync(new() { InitialRequest = new() { PubsubName = "pubsub", Topic = "prices" } }, stoppingToken);
        await foreach (var answer in stream.ResponseStream.ReadAllAsync(stoppingToken))
        {
            if (answer.EventMessage is not { } message)
            {
                continue;
            }

            var price = JsonSerializer.Deserialize<Price>(message.Data.Span, JsonSerializerOptions.Web)!;
            _prices[price.Product!] = price;
            await stream.RequestStream.WriteAsync(new()
            {
                EventProcessed = new() { Id = message.Id, Status = new() { Status = TopicEventResponse.Types.TopicEventResponseStatus.Success } },
            }, stoppingToken);
        }
    }
}
