using Lavka.Contracts;
using Lavka.Notifications;
using Lavka.ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults(Topics.Notifications);
builder.AddAggregateStore();

var app = builder.Build();
app.MapServiceDefaults();

app.MapV1();
app.On<UserCreated>(Notify.Welcome);
app.On<OrderCreated>(Notify.OrderConfirmation);
app.On<PaymentCompleted>(Notify.PaymentReceipt);
app.On<OrderShipped>(Notify.OrderShipped);
app.On<OrderDelivered>(Notify.OrderDelivered);
app.On<OrderCancelled>(Notify.OrderCancelled);

app.Run();
