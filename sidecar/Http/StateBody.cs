using System.Text.Json;
using Lavka.Sidecar.State;

namespace Lavka.Sidecar.Http;

/// <summary>Reads what the bodies of state requests say (Dapr: reference/api/state_api).</summary>
internal static class StateBody
{
    /// <summary>The items of a save.</summary>
    /// <exception cref="ApiException">The body has another shape; 400.</exception>
    public static List<StateRequest> Items(JsonElement body) => body.ValueKind switch
    {
        JsonValueKind.Array => [.. body.EnumerateArray().Select(Item)],
        JsonValueKind.Null => [],
        _ => throw GoMember.Mismatch(body, "a list of state items"),
    };

    /// <summary>The keys of a bulk get.</summary>
    /// <exception cref="ApiException">The body has another shape; 400.</exception>
    public static List<string> Keys(JsonElement body)
    {
        var keys = new List<string>();
        foreach (var member in Members(body, "a bulk get"))
        {
            if (GoMember.Is(member, "metadata"u8))
            {
                GoMember.Texts(member.Value);
            }
            else if (GoMember.Is(member, "parallelism"u8) && !(member.Value.ValueKind == JsonValueKind.Null || (member.Value.ValueKind == JsonValueKind.Number && member.Value.TryGetInt64(out _))))
            {
                throw GoMember.Mismatch(member.Value, "the field parallelism of type int");
            }
            else if (GoMember.Is(member, "keys"u8) && member.Value.ValueKind != JsonValueKind.Null)
            {
                keys.AddRange((member.Value.ValueKind == JsonValueKind.Array ? member.Value.EnumerateArray() : throw GoMember.Mismatch(member.Value, "the field keys of type []string"))
                    .Select(key => key.ValueKind == JsonValueKind.String ? key.GetString()! : throw GoMember.Mismatch(key, "a key of type string")));
            }
        }

        return keys;
    }

    /// <summary>The operations of a transaction.</summary>
    /// <exception cref="ApiException">The body has another shape; 400.</exception>
    public static List<TransactionOperation> Operations(JsonElement body)
    {
        var operations = new List<TransactionOperation>();
        foreach (var member in Members(body, "a transaction"))
        {
            if (!GoMember.Is(member, "operations"u8) || member.Value.ValueKind == JsonValueKind.Null)
            {
                continue;
            }

            foreach (var item in member.Value.ValueKind == JsonValueKind.Array ? member.Value.EnumerateArray() : throw GoMember.Mismatch(member.Value, "a list of operations"))
            {
                operations.Add(Operation(item));
            }
        }

        return operations;
    }

    private static JsonElement.ObjectEnumerator Members(JsonElement body, string what) => body.ValueKind switch
    {
        JsonValueKind.Object => body.EnumerateObject(),
        JsonValueKind.Null => default,
        _ => throw GoMember.Mismatch(body, what),
    };

    private static TransactionOperation Operation(JsonElement item)
    {
        var operation = "";
        JsonElement request = default;
        foreach (var member in item.ValueKind == JsonValueKind.Object ? item.EnumerateObject() : throw GoMember.Mismatch(item, "an operation"))
        {
            if (GoMember.Is(member, "operation"u8))
            {
                operation = GoMember.Text(member);
            }
            else if (GoMember.Is(member, "request"u8))
            {
                request = member.Value;
            }
        }

        return new(TransactionOperation.IsUpsertType(operation), Item(request));
    }

    private static StateRequest Item(JsonElement json)
    {
        var request = new StateRequest { Value = "null"u8.ToArray() };
        if (json.ValueKind is JsonValueKind.Null or JsonValueKind.Undefined)
        {
            return request;
        }

        foreach (var member in json.ValueKind == JsonValueKind.Object ? json.EnumerateObject() : throw GoMember.Mismatch(json, "a state item"))
        {
            if (GoMember.Is(member, "key"u8))
            {
                request.Key = GoMember.Text(member) ?? "";
            }
            else if (GoMember.Is(member, "value"u8))
            {
                request.Value = GoJson.Normalise(member.Value);
            }
            else if (GoMember.Is(member, "etag"u8))
            {
                request.ETag = GoMember.Text(member) is { Length: > 0 } etag ? etag : null;
            }
            else if (GoMember.Is(member, "contentType"u8))
            {
                request.ContentType = GoMember.Text(member);
            }
            else if (GoMember.Is(member, "metadata"u8))
            {
                request.Metadata = GoMember.Texts(member.Value);
            }
            else if (GoMember.Is(member, "options"u8) && member.Value.ValueKind != JsonValueKind.Null)
            {
                ReadOptions(request, member.Value);
            }
        }

        return request;
    }

    private static void ReadOptions(StateRequest request, JsonElement options)
    {
        foreach (var option in options.ValueKind == JsonValueKind.Object ? options.EnumerateObject() : throw GoMember.Mismatch(options, "the field options"))
        {
            if (GoMember.Is(option, "concurrency"u8))
            {
                request.Concurrency = GoMember.Text(option);
            }
            else if (GoMember.Is(option, "consistency"u8))
            {
                request.Consistency = GoMember.Text(option);
            }
        }
    }
}
