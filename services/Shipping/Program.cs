using Lavka.Contracts;
using Lavka.ServiceDefaults;
using Lavka.Shipping;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults(Topics.Shipping);
builder.AddAggregateStore();
builder.RefuseDevelopmentSecret(Secrets.CarrierKey);
builder.Services.AddSingleton<ICarrier, SimulatedCarrier>();

var app = builder.Build();
app.MapServiceDefaults();

app.MapV1();
app.MapV2();
app.On<OrderPaid>(ShipOrder.Handle);
app.On<ShipmentDispatched>(DeliverShipment.Handle);

app.Run();
