using Lavka.Contracts;
using Lavka.Payments;
using Lavka.ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults(Topics.Payments);
builder.AddAggregateStore();
builder.Services.AddSingleton<IPaymentProvider, SimulatedProvider>();

var app = builder.Build();
app.MapServiceDefaults();

app.MapV1();
app.On<OrderConfirmed>(ChargeOrder.Handle);
app.On<OrderCancelled>(RefundOrder.Handle);

app.Run();
