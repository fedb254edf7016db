using Dapr.Actors;
using Dapr.Actors.Client;
using Dapr.Client;
using Grpc.Core;
using MinimalApi;
using MinimalApi.Protos;

const string store = "statestore";
var builder = WebApplication.CreateBuilder(args);
builder.Services.AddDaprClient();
builder.Services.AddActors(actors =>
{
    actors.UseJsonSerialization = true;
    actors.Actors.RegisterActor<CounterActor>();
});
builder.Services.AddSingleton(new Greeter.GreeterClient(DaprClient.CreateInvocationInvoker("greeter")));
builder.Services.AddSingleton<Prices>();
builder.Services.AddHostedService(services => services.GetRequiredService<Prices>());

var app = builder.Build();
app.UseCloudEvents();
app.MapSubscribeHandler();
app.MapActorsHandlers();

// State.
app.MapPut("/notes/{id}", (string id, Note note, DaprClient dapr) => dapr.SaveStateAsync(store, id, note));
app.MapGet("/notes/{id}", async (string id, DaprClient dapr) => await dapr.GetStateAsync<Note?>(store, id) is { } note ? Results.Ok(note) : Results.NotFound());

// Publish and subscribe: what is published to "orders" is kept, so that it can be asked for.
app.MapPost("/orders", (Order order, DaprClient dapr) => dapr.PublishEventAsync("pubsub", "orders", order));
app.MapPost("/events/orders", (Order order, DaprClient dapr) => dapr.SaveStateAsync(store, $"order-{order.Id}", order)).WithTopic("pubsub", "orders");
app.MapGet("/orders/{id}", async (string id, DaprClient dapr) => await dapr.GetStateAsync<Order?>(store, $"order-{id}") is { } order ? Results.Ok(order) : Results.NotFound());

// An actor.
app.MapPost("/counters/{id}", (string id, IActorProxyFactory actors) => actors.CreateActorProxy<ICounterActor>(new ActorId(id), nameof(CounterActor), new() { UseJsonSerialization = true }).Increment());

// A streaming subscription, see Prices.
app.MapPut("/prices/{product}", (string product, Price price, DaprClient dapr) => dapr.PublishEventAsync("pubsub", "prices", price with { Product = product }));
app.MapGet("/prices/{product}", (string product, Prices prices) => prices.Find(product) is { } price ? Results.Ok(price) : Results.NotFound());

// Another app's gRPC service, through the sidecars.
app.MapGet("/hello/{name}", async (string name, Greeter.GreeterClient greeter) => (await greeter.SayHelloAsync(new() { Name = name })).Message);
app.MapGet("/countdown/{from:int}", (int from, Greeter.GreeterClient greeter, CancellationToken cancellationToken) =>
    greeter.CountDown(new() { From = from }, cancellationToken: cancellationToken).ResponseStream.ReadAllAsync(cancellationToken));

app.Run();

internal sealed record Note(string Text);

internal sealed record Order(string Id, decimal Amount);

internal sealed record Price(decimal Amount, string? Product = null);
