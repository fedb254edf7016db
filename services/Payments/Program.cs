using Lavka.Contracts;
using Lavka.Payments;
using Lavka.ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults(Topics.Payments);
builder.AddAggregateStore();
builder.Services.AddSingleton<IPaymentProvider, SimulatedProvider>();
builder.Services.AddSingleton<FraudRule>();
builder.Services.AddSingleton<Charging>();
builder.Services.AddSingleton<IFollowUp<Payment>, FollowUpPayment>();
builder.AddFollowUps<Payment>();

var app = builder.Build();
app.MapServiceDefaults();

app.MapV1();
app.MapV2();
app.On<OrderConfirmed>(ChargeOrder.Handle);
app.On<OrderCancelled>(RefundOrder.Cancelled);
app.On<OrderReturned>(RefundOrder.Returned);
app.On<PaymentApproved>(ReviewPayment.Charge);

app.Run();
