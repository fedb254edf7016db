using Lavka.Contracts;
using Lavka.Notifications;
using Lavka.ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults(Topics.Notifications);
builder.AddAggregateStore();

var app = builder.Build();
app.MapServiceDefaults();

app.MapV1();
app.On<UserCreated>(Topics.Users, Notify.Welcome);
app.On<OrderCreated>(Topics.Orders, Notify.OrderConfirmation);
app.On<PaymentCompleted>(Topics.Payments, Notify.PaymentReceipt);
app.On<OrderShipped>(Topics.Orders, Notify.OrderShipped);
app.On<OrderDelivered>(Topics.Orders, Notify.OrderDelivered);
app.On<OrderCancelled>(Topics.Orders, Notify.OrderCancelled);

app.Run();
