using Lavka.Contracts;
using Lavka.Orders;
using Lavka.ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults(Topics.Orders);
builder.AddAggregateStore();
builder.Services.AddSingleton<PriceBook>();
builder.Services.AddActors(actors => actors.Actors.RegisterActor<PaymentDeadlineActor>());

var app = builder.Build();
app.MapServiceDefaults();
app.MapActorsHandlers();

app.MapV1();
app.On<ProductCreated>(Topics.Catalog, FollowProduct.Created);
app.On<PriceChanged>(Topics.Catalog, FollowProduct.PriceChanged);
app.On<ProductDiscontinued>(Topics.Catalog, FollowProduct.Discontinued);
app.On<OrderCreated>(Topics.Orders, StartDeadline.Handle);
app.On<StockReserved>(Topics.Inventory, FollowOrder.StockReserved);
app.On<StockRejected>(Topics.Inventory, FollowOrder.StockRejected);
app.On<PaymentCompleted>(Topics.Payments, FollowOrder.PaymentCompleted);
app.On<PaymentFailed>(Topics.Payments, FollowOrder.PaymentFailed);
app.On<ShipmentDispatched>(Topics.Shipping, FollowOrder.ShipmentDispatched);
app.On<ShipmentDelivered>(Topics.Shipping, FollowOrder.ShipmentDelivered);
app.On<ShipmentStopped>(Topics.Shipping, FollowOrder.ShipmentStopped);

app.Run();
