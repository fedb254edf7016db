using System.Text;
using System.Text.Json;
using Lavka.Sidecar.Bindings;
using Lavka.Sidecar.Resiliency;
using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.Http;

/// <summary><c>/v1.0/bindings</c> (Dapr: reference/api/bindings_api).</summary>
internal sealed class BindingsApi(Components components, ResiliencyPolicies policies)
{
    /// <summary>False when this is no bindings request.</summary>
    public async ValueTask<bool> TryHandle(ApiRequest request)
    {
        if (!request.IsPostOrPut || request.Segments.Length != 3)
        {
            return false;
        }

        var name = request.Segment(2);
        using var body = await request.Json();
        var root = body.RootElement;
        if (root.ValueKind != JsonValueKind.Object)
        {
            throw ApiException.Malformed("failed deserializing HTTP body: it is not an object");
        }

        var operation = root.TryGetProperty("operation", out var given) && given.ValueKind == JsonValueKind.String ? given.GetString()! : "";
        var data = root.TryGetProperty("data", out var value) && value.ValueKind != JsonValueKind.Null ? Encoding.UTF8.GetBytes(value.GetRawText()) : [];
        var metadata = request.Metadata();
        if (root.TryGetProperty("metadata", out var own) && own.ValueKind == JsonValueKind.Object)
        {
            foreach (var member in own.EnumerateObject())
            {
                metadata[member.Name] = member.Value.ValueKind == JsonValueKind.String ? member.Value.GetString()! : member.Value.GetRawText();
            }
        }

        BindingAnswer answer;
        try
        {
            if (!components.OutputBindings.TryGetValue(name, out var binding))
            {
                throw new BindingException($"couldn't find output binding {name}");
            }

            if (!binding.Operations.Contains(operation))
            {
                throw new BindingException($"binding {name} does not support operation {operation}. supported operations:{string.Join(' ', binding.Operations)}");
            }

            answer = await policies.Outbound(name, "Binding").RunOrThrow(async stop => await binding.Invoke(operation, data, metadata, stop), request.Stop);
        }
        catch (Exception e) when (e is BindingException or IOException or UnauthorizedAccessException or TimeoutException or CircuitBreakerException)
        {
            throw new ApiException(500, "ERR_INVOKE_OUTPUT_BINDING", $"error invoking output binding {name}: {e.Message}");
        }

        foreach (var (key, text) in answer.Metadata)
        {
            request.Http.Response.Headers["metadata." + key] = text;
        }

        if (answer.Data is null)
        {
            request.Nothing();
        }
        else
        {
            await request.Answer(answer.Data);
        }

        return true;
    }
}
