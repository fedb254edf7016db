using System.Text.Json.Nodes;
using Dapr.Client.Autogen.Grpc.v1;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Lavka.Sidecar.Conversation;

#pragma warning disable CS0612 // The first version of the API is deprecated, and still served.

namespace Lavka.Sidecar.Http;

/// <summary><c>/v1.0-alpha1/conversation</c> and <c>/v1.0-alpha2/conversation</c> (Dapr: reference/api/conversation_api).</summary>
internal sealed class ConversationApi(ConversationManagement conversations)
{
    private static readonly TypeRegistry WellKnown = TypeRegistry.FromFiles(AnyReflection.Descriptor, StructReflection.Descriptor, WrappersReflection.Descriptor);
    private static readonly JsonParser Parser = new(JsonParser.Settings.Default.WithIgnoreUnknownFields(true).WithTypeRegistry(WellKnown));
    private static readonly JsonFormatter Formatter = new(JsonFormatter.Settings.Default.WithTypeRegistry(WellKnown));

    /// <summary>False when this is no conversation request.</summary>
    /// <param name="request">The request.</param>
    /// <param name="second">Whether it is the second version of the API.</param>
    public async ValueTask<bool> TryHandle(ApiRequest request, bool second)
    {
        if (request.Method != "POST" || request.Segments is not [_, _, var _, "converse"])
        {
            return false;
        }

        var name = request.Segment(2);
        if (second)
        {
            var asked = await Read<ConversationRequestAlpha2>(request);
            asked.Name = name;
            await Answer(request, await conversations.Converse(asked, request.Stop));
        }
        else
        {
            var asked = await Read<ConversationRequest>(request);
            asked.Name = name;
            await Answer(request, await conversations.Converse(asked, request.Stop));
        }

        return true;
    }

    private static async ValueTask<T> Read<T>(ApiRequest request)
        where T : IMessage, new()
    {
        using var body = await request.JsonOrEmpty();
        try
        {
            return Parser.Parse<T>(body.RootElement.GetRawText());
        }
        catch (InvalidProtocolBufferException e)
        {
            throw ApiException.Malformed($"failed deserializing HTTP body: proto: {e.Message}");
        }
    }

    private static ValueTask Answer(ApiRequest request, IMessage message) => request.Answer(JsonNode.Parse(Formatter.Format(message))!);
}
