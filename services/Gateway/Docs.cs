using Microsoft.Extensions.FileProviders;

namespace Lavka.Gateway;

/// <summary>
/// The documents of both APIs, <c>/openapi/v1.json</c> and <c>/openapi/v2.json</c>; <c>/docs</c>, a page to read and try them; <c>/ops</c>, a page for operators, which needs nothing but the API.
/// </summary>
public static class Docs
{
    public static void MapDocs(this WebApplication app)
    {
        // Made from the services' own documents by a test, which also sees to it that they stay what the code says.
        var files = new PhysicalFileProvider(Path.Combine(AppContext.BaseDirectory, "openapi"));
        app.UseStaticFiles(new StaticFileOptions { FileProvider = files, RequestPath = "/openapi" });
        app.UseSwaggerUI(page =>
        {
            page.RoutePrefix = "docs";
            page.DocumentTitle = "Lavka API";
            page.SwaggerEndpoint("/openapi/v2.json", "v2");
            page.SwaggerEndpoint("/openapi/v1.json", "v1");
        });
        app.UseFileServer(new FileServerOptions { FileProvider = new PhysicalFileProvider(Path.Combine(AppContext.BaseDirectory, "ops")), RequestPath = "/ops" });
        app.MapGet("/", () => Results.Redirect("/docs")).ExcludeFromDescription();
    }
}
