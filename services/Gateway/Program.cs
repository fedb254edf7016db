using Lavka.Gateway;
using Lavka.ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults("gateway");
builder.WebHost.ConfigureKestrel(kestrel => kestrel.Limits.MaxRequestBodySize = Forwarder.LargestBodyRead);
builder.Services.AddSingleton<Forwarder>();

var app = builder.Build();
app.MapServiceDefaults();

app.MapV1();

app.Run();
