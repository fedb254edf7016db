using System.Text.Json;
using Lavka.Sidecar.Bindings;
using Lavka.Sidecar.State;

namespace Lavka.Sidecar.Http;

/// <summary><c>/v1.0/bindings</c> (Dapr: reference/api/bindings_api).</summary>
internal sealed class BindingsApi(OutputBindings bindings)
{
    private static readonly WrongKind InRequest = GoMember.Of("OutputBindingRequest");

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
        var answer = await bindings.Invoke(name, operation, data, metadata, request.Stop);
        foreach (var (key, text) in OutputBindings.Headers(answer.Metadata))
        {
            request.Http.Response.Headers[key] = text;
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
        var operation = "";
        byte[] data = "null"u8.ToArray();
        var metadata = new Dictionary<string, string>();
        foreach (var member in GoMember.Members(body, "", "http.OutputBindingRequest", InRequest))
        {
            if (GoMember.Is(member, "operation"u8))
            {
                operation = GoMember.Text(member.Value, "operation", InRequest) ?? "";
            }
            else if (GoMember.Is(member, "data"u8))
            {
                data = GoJson.Normalise(member.Value, number => InRequest(number, "data", "float64"));
            }
            else if (GoMember.Is(member, "metadata"u8))
            {
                metadata = GoMember.Texts(member.Value, "metadata", InRequest);
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
}
