using Lavka.Gateway;
using Lavka.ServiceDefaults;

const long LargestBody = 1024 * 1024;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults("gateway");
builder.WebHost.ConfigureKestrel(kestrel => kestrel.Limits.MaxRequestBodySize = LargestBody);
builder.Services.AddSingleton<Forwarder>();

var app = builder.Build();
app.MapServiceDefaults();

app.MapV1();

app.Run();
