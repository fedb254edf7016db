using Lavka.Contracts;
using Lavka.ServiceDefaults;
using Lavka.Shipping;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults(Topics.Shipping);
builder.AddAggregateStore();
builder.Services.AddSingleton<ICarrier, SimulatedCarrier>();

var app = builder.Build();
app.MapServiceDefaults();

app.MapV1();
app.On<OrderPaid>(Topics.Orders, ShipOrder.Handle);
app.On<ShipmentDispatched>(Topics.Shipping, DeliverShipment.Handle);

app.Run();
