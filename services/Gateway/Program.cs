using Lavka.Gateway;
using Lavka.ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults("gateway");
builder.AddLimits();
builder.AddSignIn();
builder.Services.AddSingleton<Forwarder>();

var app = builder.Build();
app.UseMiddleware<ResponseHeaders>();
app.MapServiceDefaults(isPublic: true);
app.UseCors();
app.UseAuthentication();
app.UseRateLimiter();
app.UseAuthorization();
app.UseRequestTimeouts();

app.MapV1();
app.MapV2();
app.MapSessions();
app.MapOverview();
app.MapDeadLetterAdmin();
app.MapDocs();

app.Run();
