using Dapr.Client.Autogen.Grpc.v1;
using Lavka.Sidecar.Resiliency;
using Lavka.Sidecar.Resources;

#pragma warning disable CS0612 // The first version of the API is deprecated, and still served.

namespace Lavka.Sidecar.Conversation;

/// <summary>
/// Dapr's conversations, whoever has them (Dapr: reference/api/conversation_api), in the messages that both APIs share. What it cannot do is an <see cref="ApiException"/>.
/// </summary>
internal sealed class ConversationManagement(Components components, ResiliencyPolicies policies)
{
    /// <summary>The first version of the API: texts only.</summary>
    public async Task<ConversationResponse> Converse(ConversationRequest request, CancellationToken cancellationToken)
    {
        var component = Find(request.Name);
        CheckInputs(request.Name, request.Inputs.Count);
        CheckScrubbing(request.ScrubPII || request.Inputs.Any(input => input.ScrubPII));
        var reply = await Run(request.Name, component, [.. request.Inputs.Select(input => new Text(input.Content))], [], cancellationToken);
        var result = new ConversationResult { Result = reply.Content };
        result.Parameters.Add(request.Parameters);
        var response = new ConversationResponse { Outputs = { result } };
        if (request.ContextID.Length > 0)
        {
            response.ContextID = request.ContextID;
        }

        return response;
    }

    /// <summary>The second version of the API: roles and tools.</summary>
    public async Task<ConversationResponseAlpha2> Converse(ConversationRequestAlpha2 request, CancellationToken cancellationToken)
    {
        var component = Find(request.Name);
        CheckInputs(request.Name, request.Inputs.Count);
        CheckScrubbing(request.ScrubPii || request.Inputs.Any(input => input.ScrubPii));
        var parts = request.Inputs.SelectMany(input => input.Messages).SelectMany(message => Read(request.Name, message)).ToList();
        CheckToolChoice(request);
        var tools = request.Tools.Where(tool => tool.Function is not null)
            .Select(tool => new Tool(tool.Function.Name, tool.Function.Parameters?.Fields.GetValueOrDefault("properties")?.StructValue is { } properties ? [.. properties.Fields.Keys] : []));
        var reply = await Run(request.Name, component, parts, [.. tools], cancellationToken);

        var choice = new ConversationResultChoices { FinishReason = reply.ToolCalls.Count > 0 ? "tool_calls" : "stop", Message = new() { Content = reply.Content } };
        choice.Message.ToolCalls.AddRange(reply.ToolCalls.Select(call => new ConversationToolCalls { Id = call.Id, Function = new() { Name = call.Name, Arguments = call.Arguments } }));
        var response = new ConversationResponseAlpha2
        {
            Outputs =
            {
                new ConversationResultAlpha2
                {
                    Choices = { choice },
                    Usage = new() { PromptTokens = reply.PromptTokens, CompletionTokens = reply.CompletionTokens, TotalTokens = reply.PromptTokens + reply.CompletionTokens },
                },
            },
        };
        if (request.ContextId.Length > 0)
        {
            response.ContextId = request.ContextId;
        }

        return response;
    }

    private IConversation Find(string name) => components.Conversations.TryGetValue(name, out var component) ? component
        : throw ApiException.Plain(400, "ERR_CONVERSATION_NOT_FOUND", $"failed finding conversation component {name}");

    private static void CheckInputs(string name, int count)
    {
        if (count == 0)
        {
            throw ApiException.Plain(400, "ERR_CONVERSATION_MISSING_INPUTS", $"failed conversing with component {name}: missing inputs in request");
        }
    }

    private static void CheckScrubbing(bool isAsked)
    {
        if (isAsked)
        {
            throw ApiException.Plain(501, "ERR_API_UNIMPLEMENTED", "scrubbing of personal data (scrubPII) is not implemented in the embedded sidecar");
        }
    }

    private static void CheckToolChoice(ConversationRequestAlpha2 request)
    {
        const string allowed = "ust be 'auto', 'none', 'required', or a specific tool name matching the tools available to be used";
        if (request.ToolChoice == "required" && request.Tools.Count == 0)
        {
            throw Invalid(request.Name, $"tool choice m{allowed}");
        }

        if (request.ToolChoice is not ("" or "auto" or "none" or "required") && request.Tools.Count > 0 && !request.Tools.Any(tool => tool.Function?.Name == request.ToolChoice))
        {
            throw Invalid(request.Name, $"tool choice selected was not found. M{allowed}");
        }
    }

    private static IEnumerable<Utterance> Read(string name, ConversationMessage message) => message.MessageTypesCase switch
    {
        ConversationMessage.MessageTypesOneofCase.OfDeveloper => Texts(message.OfDeveloper.Content),
        ConversationMessage.MessageTypesOneofCase.OfSystem => Texts(message.OfSystem.Content),
        ConversationMessage.MessageTypesOneofCase.OfUser => Texts(message.OfUser.Content),
        ConversationMessage.MessageTypesOneofCase.OfAssistant => [.. Texts(message.OfAssistant.Content), .. message.OfAssistant.ToolCalls.Select(call => Read(name, call))],
        ConversationMessage.MessageTypesOneofCase.OfTool => message.OfTool.Content.Select(content => new ToolAnswer(message.OfTool.ToolId, message.OfTool.Name, content.Text)),
        _ => throw Invalid(name, "message type cannot be nil"),
    };

    private static IEnumerable<Utterance> Texts(IEnumerable<ConversationMessageContent> contents) => contents.Select(content => new Text(content.Text));

    private static ToolCall Read(string name, ConversationToolCalls call) =>
        call.Function is { } function ? new(call.Id, function.Name, function.Arguments) : throw Invalid(name, "tool types cannot be nil");

    private static ApiException Invalid(string name, string problem) =>
        ApiException.Plain(400, "ERR_CONVERSATION_INVALID_PARAMS", $"failed conversing with component {name}: invalid params: {problem}");

    private async Task<Reply> Run(string name, IConversation component, IReadOnlyList<Utterance> parts, IReadOnlyList<Tool> tools, CancellationToken cancellationToken)
    {
        try
        {
            return await policies.Outbound(name, "Conversation").RunOrThrow(token => component.Converse(parts, tools, token), cancellationToken);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            throw ApiException.Plain(500, "ERR_CONVERSATION_INVOKE", $"failed conversing with component {name}: {e.Message}");
        }
    }
}
