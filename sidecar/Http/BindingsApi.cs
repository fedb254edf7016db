using System.Diagnostics;
using System.Text.Json;
using Lavka.Sidecar.Bindings;
using Lavka.Sidecar.Observability;
using Lavka.Sidecar.Resiliency;
using Lavka.Sidecar.Resources;
using Lavka.Sidecar.State;

namespace Lavka.Sidecar.Http;

/// <summary><c>/v1.0/bindings</c> (Dapr: reference/api/bindings_api).</summary>
internal sealed class BindingsApi(Components components, ResiliencyPolicies policies, Telemetry telemetry)
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
        var (operation, data, metadata) = Read(body.RootElement, request);
        BindingAnswer answer;
        var started = Stopwatch.GetTimestamp();
        var succeeded = false;
        try
        {
            var binding = Find(name, operation);
            answer = await policies.Outbound(name, "Binding").RunOrThrow(async stop => await binding.Invoke(operation, data, metadata, stop), request.Stop);
            succeeded = true;
        }
        catch (Exception e) when (e is BindingException or IOException or UnauthorizedAccessException or TimeoutException or CircuitBreakerException)
        {
            throw new ApiException(500, "ERR_INVOKE_OUTPUT_BINDING", $"error invoking output binding {name}: {e.Message}")
            {
                Headers = [.. ((e as BindingException)?.Metadata ?? BindingAnswer.Nothing.Metadata).Select(pair => KeyValuePair.Create("metadata." + pair.Key, pair.Value))],
            };
        }
        finally
        {
            telemetry.Metrics?.Component("output_binding", name, operation, succeeded, Stopwatch.GetElapsedTime(started));
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

    private static (string Operation, byte[] Data, Dictionary<string, string> Metadata) Read(JsonElement body, ApiRequest request)
    {
        if (body.ValueKind is not (JsonValueKind.Object or JsonValueKind.Null))
        {
            throw ApiException.Malformed("failed deserializing HTTP body: it is not an object");
        }

        var operation = "";
        byte[] data = "null"u8.ToArray();
        var metadata = new Dictionary<string, string>();
        foreach (var member in body.ValueKind == JsonValueKind.Object ? body.EnumerateObject() : default)
        {
            if (GoMember.Is(member, "operation"u8))
            {
                operation = GoMember.Text(member) ?? "";
            }
            else if (GoMember.Is(member, "data"u8))
            {
                data = GoJson.Normalise(member.Value);
            }
            else if (GoMember.Is(member, "metadata"u8))
            {
                metadata = GoMember.Texts(member.Value);
            }
        }

        var (traceParent, traceState) = request.TraceContext;
        if (traceParent.Length > 0)
        {
            metadata["traceparent"] = traceParent;
            if (traceState.Length > 0)
            {
                metadata["tracestate"] = traceState;
            }
        }

        return (operation, data, metadata);
    }

    private IOutputBinding Find(string name, string operation) =>
        operation.Length == 0 ? throw new BindingException("operation field is missing from request")
        : !components.OutputBindings.TryGetValue(name, out var binding) ? throw new BindingException($"couldn't find output binding {name}")
        : binding.Operations.Contains(operation) ? binding
        : throw new BindingException($"binding {name} does not support operation {operation}. supported operations:{string.Join(' ', binding.Operations)}");
}
