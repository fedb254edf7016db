using System.Text.Json;
using Lavka.Sidecar.PubSub;
using Lavka.Sidecar.State;

namespace Lavka.Sidecar.Http;

/// <summary>Reads what the bodies of state requests say (Dapr: reference/api/state_api). What is wrong with one is told as daprd's decoders tell it.</summary>
internal static class StateBody
{
    private static readonly WrongKind InItem = GoMember.Of("SetRequest", prefix: "");
    private static readonly WrongKind InOptions = GoMember.Of("SetStateOption", prefix: "");
    private static readonly WrongKind InBulkGet = GoMember.Of("BulkGetRequest");
    private static readonly WrongKind InTransaction = GoMember.Of("stateTransactionRequestBody");
    private static readonly WrongKind InMap = OfMap;
    private static readonly WrongKind InOperation = GoMember.Of("stateTransactionRequestBodyOperation");

    /// <summary>The items of a save.</summary>
    /// <exception cref="ApiException">The body has another shape; 400.</exception>
    public static List<StateRequest> Items(JsonElement body) =>
        [.. GoMember.Items(body, "", "[]state.SetRequest", InItem).Select(item => Item(item, InItem, InOptions, new("key", "etag", "contentType", "metadata", "options")))];

    /// <summary>The keys of a bulk get.</summary>
    /// <exception cref="ApiException">The body has another shape; 400.</exception>
    public static List<string> Keys(JsonElement body)
    {
        var keys = new List<string>();
        foreach (var member in GoMember.Members(body, "", "http.BulkGetRequest", InBulkGet))
        {
            if (GoMember.Is(member, "metadata"u8))
            {
                GoMember.Texts(member.Value, "metadata", InBulkGet);
            }
            else if (GoMember.Is(member, "parallelism"u8) && !(member.Value.ValueKind == JsonValueKind.Null || (member.Value.ValueKind == JsonValueKind.Number && member.Value.TryGetInt64(out _))))
            {
                throw InBulkGet(member.Value, "parallelism", "int");
            }
            else if (GoMember.Is(member, "keys"u8))
            {
                keys.AddRange(GoMember.Items(member.Value, "keys", "[]string", InBulkGet).Select(key => GoMember.Text(key, "keys", InBulkGet) ?? ""));
            }
        }

        return keys;
    }

    /// <summary>The operations of a transaction.</summary>
    /// <exception cref="ApiException">The body has another shape; 400.</exception>
    public static List<TransactionOperation> Operations(JsonElement body)
    {
        var operations = new List<(string? Type, JsonElement Request)>();
        foreach (var member in GoMember.Members(body, "", "http.stateTransactionRequestBody", InTransaction))
        {
            if (GoMember.Is(member, "metadata"u8))
            {
                GoMember.Texts(member.Value, "metadata", InTransaction);
            }
            else if (GoMember.Is(member, "operations"u8))
            {
                operations.AddRange(GoMember.Items(member.Value, "operations", "[]http.stateTransactionRequestBodyOperation", InTransaction).Select(Operation));
            }
        }

        // The requests are looked at once all of the body has been read.
        return operations.ConvertAll(operation => new TransactionOperation(
            TransactionOperation.IsUpsertType(operation.Type), Item(operation.Request, InMap, InMap, new("Key", "ETag", "ContentType", "Metadata", "Options"))));
    }

    private static (string? Type, JsonElement Request) Operation(JsonElement item)
    {
        string? type = "";
        JsonElement request = default;
        foreach (var member in GoMember.Members(item, "operations", "http.stateTransactionRequestBodyOperation", InTransaction))
        {
            if (GoMember.Is(member, "operation"u8))
            {
                type = GoMember.Text(member.Value, "operations.operation", InOperation);
            }
            else if (GoMember.Is(member, "request"u8))
            {
                request = member.Value;
            }
        }

        return (type, request);
    }

    /// <summary>How a decoder names the fields of an item in its errors.</summary>
    private sealed record Names(string Key, string ETag, string ContentType, string Metadata, string Options);

    private static StateRequest Item(JsonElement json, WrongKind wrong, WrongKind inOptions, Names names)
    {
        var request = new StateRequest { Value = "null"u8.ToArray() };
        var isInMap = wrong == InMap;
        foreach (var member in GoMember.Members(json, "", "state.SetRequest", wrong))
        {
            if (GoMember.Is(member, "key"u8))
            {
                request.Key = GoMember.Text(member.Value, names.Key, wrong) ?? "";
            }
            else if (GoMember.Is(member, "value"u8))
            {
                request.Value = GoJson.Normalise(member.Value, number => isInMap ? InOperation(number, "operations.request", "float64") : wrong(number, "value", "float64"));
            }
            else if (GoMember.Is(member, "etag"u8))
            {
                request.ETag = GoMember.Text(member.Value, names.ETag, wrong) is { Length: > 0 } etag ? etag : null;
            }
            else if (GoMember.Is(member, "contentType"u8))
            {
                request.ContentType = GoMember.Text(member.Value, names.ContentType, wrong);
            }
            else if (GoMember.Is(member, "metadata"u8))
            {
                request.Metadata = GoMember.Texts(member.Value, names.Metadata, wrong, isInMap ? name => $"{names.Metadata}[{name}]" : null);
            }
            else if (GoMember.Is(member, "options"u8))
            {
                foreach (var option in GoMember.Members(member.Value, names.Options, "state.SetStateOption", wrong))
                {
                    if (GoMember.Is(option, "concurrency"u8))
                    {
                        request.Concurrency = GoMember.Text(option.Value, $"{names.Options}.Concurrency", inOptions);
                    }
                    else if (GoMember.Is(option, "consistency"u8))
                    {
                        request.Consistency = GoMember.Text(option.Value, $"{names.Options}.Consistency", inOptions);
                    }
                }
            }
        }

        return request;
    }

    /// <summary>The errors of Go's <c>mapstructure</c>, which reads the requests of a transaction.</summary>
    private static ApiException OfMap(JsonElement value, string field, string type)
    {
        var kind = value.ValueKind switch
        {
            JsonValueKind.Number => "float64",
            JsonValueKind.String => "string",
            JsonValueKind.True or JsonValueKind.False => "bool",
            JsonValueKind.Array => "[]interface {}",
            _ => "map[string]interface {}",
        };
        var problem = type == "string"
            ? $"'{field}' expected type 'string', got unconvertible type '{kind}', value: '{Outbox.GoText(value)}'"
            : $"'{field}' expected a map, got '{(kind == "[]interface {}" ? "slice" : kind)}'";
        return ApiException.Malformed($"failed deserializing HTTP body: {(field.Length == 0 ? problem : $"1 error(s) decoding:\n\n* {problem}")}");
    }
}
