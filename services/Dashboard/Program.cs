using Lavka.Dashboard;
using Lavka.ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults("dashboard");
builder.AddAggregateStore();
builder.Services.AddSingleton<Journal>();
builder.Services.AddSingleton<Projector>();
builder.Services.AddHostedService(services => services.GetRequiredService<Projector>());

var app = builder.Build();
app.MapServiceDefaults();

app.MapEvents();
app.MapV2();
app.MapEventStream();

app.Run();
