using Dapr.Client.Autogen.Grpc.v1;
using Lavka.Sidecar.Conversation;

#pragma warning disable CS0612 // The first version of the API is deprecated, and still served.

namespace Lavka.Sidecar.Grpc;

/// <summary>The conversation calls of Dapr's gRPC API (Dapr: reference/api/conversation_api).</summary>
internal sealed class ConversationCalls(ConversationManagement conversations)
{
    public void AddTo(GrpcMethods methods)
    {
        methods.Unary<ConversationRequest, ConversationResponse>("conversation", ConverseAlpha1);
        methods.Unary<ConversationRequestAlpha2, ConversationResponseAlpha2>("conversation", ConverseAlpha2);
    }

    private Task<ConversationResponse> ConverseAlpha1(ConversationRequest request, GrpcCall call) => conversations.Converse(request, call.Stop);

    private Task<ConversationResponseAlpha2> ConverseAlpha2(ConversationRequestAlpha2 request, GrpcCall call) => conversations.Converse(request, call.Stop);
}
