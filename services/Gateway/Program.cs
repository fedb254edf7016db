using Lavka.Gateway;
using Lavka.ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults("gateway");
builder.AddLimits();
builder.AddSignIn();
builder.RefuseDevelopmentSecret(Secrets.TokenKey);

// YARP has a line for every request, and one with a stack for every service that is away, which the client is told.
builder.Logging.AddFilter("Yarp", LogLevel.Error);
builder.Services.AddHttpForwarder().AddSingleton<Forwarder>();

var app = builder.Build();
app.UseMiddleware<ResponseHeaders>();

// Whatever answers GET answers HEAD, in the same words; the server sends no body then.
app.Use((http, next) =>
{
    http.Request.Method = HttpMethods.IsHead(http.Request.Method) ? HttpMethods.Get : http.Request.Method;
    return next(http);
});
app.UseRouting();
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
app.MapStandingAdmin();
app.MapDocs();

app.Run();
