using Dapr;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Lavka.ServiceDefaults;

/// <summary>What every service has: Dapr, health, errors, telemetry.</summary>
public static class ServiceDefaultsExtensions
{
    /// <summary>Registers it. The service listens at <c>APP_PORT</c> of loopback, which <c>dapr run</c> and the runner set, unless ASP.NET Core's own settings say otherwise.</summary>
    /// <param name="builder">The service.</param>
    /// <param name="name">Its Dapr app id.</param>
    public static void AddServiceDefaults(this WebApplicationBuilder builder, string name)
    {
        if (builder.Configuration["APP_PORT"] is { } port && builder.Configuration["URLS"] is null)
        {
            builder.WebHost.UseSetting("urls", $"http://127.0.0.1:{port}");
        }

        builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning).AddFilter("System.Net.Http", LogLevel.Warning).AddFilter("Microsoft.Hosting", LogLevel.Warning);
        builder.Services.Configure<SimpleConsoleFormatterOptions>(console => console.SingleLine = true);
        builder.Services.AddSingleton(new ServiceName(name));
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddDaprClient(dapr => dapr.UseGrpcChannelOptions(SidecarClient.Options()));

        // By the machine's clock, whatever the shop's is in a test.
        builder.Services.AddSingleton(new CallerTokens(name, builder.Configuration["APP_API_TOKEN"] ?? "", TimeProvider.System));
        builder.Services.AddSingleton<Peers>();
        builder.Services.AddSingleton<EventRoutes>();
        builder.Services.AddSingleton<Deliveries>();
        builder.Services.AddHealthChecks().AddCheck<SidecarHealth>("sidecar", tags: [SidecarHealth.Ready]);
        builder.Services.AddProblemDetails();
        builder.Services.AddExceptionHandler<Failures>();

        // Of a member that is there twice the last would count, and who reads it elsewhere may take the first.
        builder.Services.ConfigureHttpJsonOptions(json => json.SerializerOptions.AllowDuplicateProperties = false);
        builder.Services.Configure<RouteHandlerOptions>(options => options.ThrowOnBadRequest = true);
        foreach (var version in new[] { "v1", "v2" })
        {
            builder.Services.AddOpenApi(version, api =>
            {
                api.ShouldInclude = endpoint => endpoint.RelativePath?.StartsWith(version + '/', StringComparison.Ordinal) == true;
                api.AddSchemaTransformer<OpenApiNumbers>();
            });
        }

        builder.AddTelemetry(name);
    }

    /// <summary>Has the service end if it is to run in production with the development's secret.</summary>
    /// <param name="name">See <see cref="Secrets"/>.</param>
    public static void RefuseDevelopmentSecret(this WebApplicationBuilder builder, string name)
    {
        if (ProductionSecret.IsWanted)
        {
            builder.Services.AddHostedService(services => ActivatorUtilities.CreateInstance<ProductionSecret>(services, name));
        }
    }

    /// <summary>Registers <see cref="AggregateStore"/>, for services that have state.</summary>
    public static void AddAggregateStore(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<AggregateStore>();
        builder.Services.AddSingleton<FollowUpCalendar>();
        builder.Services.AddSingleton(SidecarClient.Make);
        builder.Services.AddSingleton<StateReader>();
        builder.Services.AddSingleton<Outbox>();
        builder.Services.AddHostedService(services => services.GetRequiredService<Outbox>());
    }

    /// <summary>Registers what comes back to the service's aggregates of one type while they wait; an <see cref="IFollowUp{T}"/>, if there is one, is registered beside.</summary>
    public static void AddFollowUps<T>(this WebApplicationBuilder builder)
        where T : class, IAwaiting
    {
        builder.Services.AddSingleton<FollowUpMetrics>();
        builder.Services.AddHostedService<FollowUps<T>>();
    }

    /// <summary>Maps health, what Dapr asks the app for, and the documents of its API.</summary>
    /// <param name="app">The service.</param>
    /// <param name="isPublic">Whether clients may call it; if not, only its own sidecar may.</param>
    public static void MapServiceDefaults(this WebApplication app, bool isPublic = false)
    {
        app.UseExceptionHandler();
        app.UseStatusCodePages();
        if (!isPublic)
        {
            app.UseMiddleware<AppToken>();
            app.UseCloudEvents(new CloudEventsMiddlewareOptions { ForwardCloudEventPropertiesAsHeaders = true, IncludedCloudEventPropertiesAsHeaders = ["id", "type"] });
            app.Use((http, next) =>
            {
                Cause.Current = http.Request.Headers["Cloudevent.id"].FirstOrDefault() is { } id ? new(id, http.Request.Headers["Cloudevent.type"].FirstOrDefault() ?? "") : null;
                return next(http);
            });
        }

        if (!isPublic)
        {
            app.MapSubscribeHandler();
        }

        var service = app.Services.GetRequiredService<ServiceName>();
        app.MapGet("/health", () => new { status = "healthy", service = service.InHealth }).ExcludeFromDescription();
        app.MapHealthChecks("/health/ready", new() { Predicate = check => check.Tags.Contains(SidecarHealth.Ready) });
        app.MapOpenApi(isPublic ? "/openapi/own/{documentName}.json" : "/openapi/{documentName}.json");
        if (app.Services.GetService<AggregateStore>() is not null)
        {
            app.MapDeadLetters();
        }

        if (app.Services.GetService<FollowUpMetrics>() is not null)
        {
            app.MapStanding();
        }
    }

    /// <summary>Traces and metrics to <c>OTEL_EXPORTER_OTLP_ENDPOINT</c>, if that is set.</summary>
    private static void AddTelemetry(this WebApplicationBuilder builder, string name)
    {
        if (string.IsNullOrEmpty(builder.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"]))
        {
            return;
        }

        builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService(name, serviceNamespace: "lavka"))
            .WithTracing(traces => traces.AddSource(Deliveries.ActivitySourceName).AddAspNetCoreInstrumentation().AddHttpClientInstrumentation())
            .WithMetrics(metrics => metrics.AddAspNetCoreInstrumentation().AddHttpClientInstrumentation().AddRuntimeInstrumentation().AddMeter(FollowUpMetrics.MeterName))
            .UseOtlpExporter();
    }
}
