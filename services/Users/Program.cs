using Lavka.Contracts;
using Lavka.ServiceDefaults;
using Lavka.Users;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults(Topics.Users);
builder.AddAggregateStore();
builder.RefuseDevelopmentSecret(Secrets.OperatorPassword);
builder.Services.AddSingleton<Passwords>();

var app = builder.Build();
app.MapServiceDefaults();

app.MapV1();
app.MapV2();
app.On<NotificationSent>(ConfirmWelcome.Handle, where: "event.data.template == \"welcome\"");

app.Run();
