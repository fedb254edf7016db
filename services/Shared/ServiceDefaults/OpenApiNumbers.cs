using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Lavka.ServiceDefaults;

/// <summary>
/// Describes numbers as numbers. System.Text.Json's web defaults read them from strings too, and so ASP.NET Core describes them as either; but no answer has such a string, and
/// nobody is to send one.
/// </summary>
internal sealed class OpenApiNumbers : IOpenApiSchemaTransformer
{
    public Task TransformAsync(OpenApiSchema schema, OpenApiSchemaTransformerContext context, CancellationToken cancellationToken)
    {
        if (schema.Type is { } type && (type & (JsonSchemaType.Integer | JsonSchemaType.Number)) != 0 && type.HasFlag(JsonSchemaType.String))
        {
            (schema.Type, schema.Pattern) = (type & ~JsonSchemaType.String, null);
        }

        return Task.CompletedTask;
    }
}
