using Lavka.Contracts;
using Lavka.Notifications;
using Lavka.ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults(Topics.Notifications);
builder.AddAggregateStore();
builder.Services.AddSingleton<Notify>();

var app = builder.Build();
app.MapServiceDefaults();

app.MapV1();
app.MapV2();
app.On<UserCreated>((UserCreated user, Notify notify, CancellationToken stop) => notify.Welcome(user, stop));
app.On<OrderCreated>((OrderCreated order, Notify notify, CancellationToken stop) => notify.Tell(Template.Of(order), stop));
app.On<PaymentCompleted>((PaymentCompleted payment, Notify notify, CancellationToken stop) => notify.Tell(Template.Of(payment), stop));
app.On<OrderShipped>((OrderShipped order, Notify notify, CancellationToken stop) => notify.Tell(Template.Of(order), stop));
app.On<OrderDelivered>((OrderDelivered order, Notify notify, CancellationToken stop) => notify.Tell(Template.Of(order), stop));
app.On<OrderCancelled>((OrderCancelled order, Notify notify, CancellationToken stop) => notify.Tell(Template.Of(order), stop));
app.On<OrderReturned>((OrderReturned order, Notify notify, CancellationToken stop) => notify.Tell(Template.Of(order), stop));

app.Run();
