using Lavka.Contracts;
using Lavka.Contracts.Protos;
using Lavka.Orders;
using Lavka.ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults(Topics.Orders);
builder.AddAggregateStore();
builder.AddGrpcPeer(Topics.Catalog, peer => new Prices.PricesClient(peer));
builder.Services.AddSingleton<PriceBook>();
builder.Services.AddSingleton<KnownUsers>();
builder.Services.AddSingleton<PlaceOrder>();
builder.Services.AddSingleton<IFollowUp<Order>, FollowUpOrder>();
builder.AddFollowUps<Order>();
builder.Services.AddActors(actors => actors.Actors.RegisterActor<CartActor>());

var app = builder.Build();
app.MapServiceDefaults();
app.MapActorsHandlers();

app.MapV1();
app.MapV2();
app.MapV2Carts();
app.On<ProductCreated>(FollowProduct.Created);
app.On<PriceChanged>(FollowProduct.PriceChanged);
app.On<ProductDiscontinued>(FollowProduct.Discontinued);
app.On<StockReserved>(FollowOrder.StockReserved);
app.On<StockRejected>(FollowOrder.StockRejected);
app.On<PaymentCompleted>(FollowOrder.PaymentCompleted);
app.On<PaymentFailed>(FollowOrder.PaymentFailed);
app.On<ShipmentDispatched>(FollowOrder.ShipmentDispatched);
app.On<ShipmentDelivered>(FollowOrder.ShipmentDelivered);
app.On<ShipmentReturned>(FollowOrder.ShipmentReturned);
app.On<ShipmentStopped>(FollowOrder.ShipmentStopped);

app.Run();
