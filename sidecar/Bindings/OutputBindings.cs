using System.Diagnostics;
using Lavka.Sidecar.Observability;
using Lavka.Sidecar.Resiliency;
using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.Bindings;

/// <summary>Output bindings, whoever invokes them (Dapr: reference/api/bindings_api).</summary>
internal sealed class OutputBindings(Components components, ResiliencyPolicies policies, Telemetry telemetry)
{
    /// <summary>Carries an operation of a binding out.</summary>
    /// <exception cref="ApiException">It cannot be done; what the binding tells about it is in the error's headers.</exception>
    public async ValueTask<BindingAnswer> Invoke(string name, string operation, byte[] data, IReadOnlyDictionary<string, string> metadata, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        var succeeded = false;
        try
        {
            var binding = Find(name, operation);
            var answer = await policies.Outbound(name, "Binding").RunOrThrow(async token => await binding.Invoke(operation, data, metadata, token), cancellationToken);
            succeeded = true;
            return answer;
        }
        catch (Exception e) when (e is BindingException or IOException or UnauthorizedAccessException or TimeoutException or CircuitBreakerException)
        {
            throw new ApiException(500, "ERR_INVOKE_OUTPUT_BINDING", $"error invoking output binding {name}: {e.Message}")
            {
                Headers = [.. Headers((e as BindingException)?.Metadata ?? BindingAnswer.Nothing.Metadata)],
            };
        }
        finally
        {
            telemetry.Metrics?.Component("output_binding", name, operation, succeeded, Stopwatch.GetElapsedTime(started));
        }
    }

    /// <summary>A binding's metadata as the headers of an answer.</summary>
    public static IEnumerable<KeyValuePair<string, string>> Headers(IReadOnlyDictionary<string, string> metadata) =>
        metadata.Select(pair => KeyValuePair.Create("metadata." + pair.Key, pair.Value));

    private IOutputBinding Find(string name, string operation) =>
        operation.Length == 0 ? throw new BindingException("operation field is missing from request")
        : !components.OutputBindings.TryGetValue(name, out var binding) ? throw new BindingException($"couldn't find output binding {name}")
        : binding.Operations.Contains(operation) ? binding
        : throw new BindingException($"binding {name} does not support operation {operation}. supported operations:{string.Join(' ', binding.Operations)}");
}
