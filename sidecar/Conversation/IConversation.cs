namespace Lavka.Sidecar.Conversation;

/// <summary>A conversation component: a language model, or what stands for one (Dapr: reference/components-reference/supported-conversation).</summary>
internal interface IConversation : IComponent
{
    /// <summary>Answers what was said so far.</summary>
    /// <param name="parts">What was said.</param>
    /// <param name="tools">The tools that the model may ask for.</param>
    /// <param name="cancellationToken">Ends it.</param>
    ValueTask<Reply> Converse(IReadOnlyList<Utterance> parts, IReadOnlyList<Tool> tools, CancellationToken cancellationToken);
}

/// <summary>Something that was said: a text, the call of a tool, or what a tool answered.</summary>
internal abstract record Utterance;

/// <summary>Plain text.</summary>
internal sealed record Text(string Content) : Utterance;

/// <summary>A model asks for a tool.</summary>
/// <param name="Id">Tells the calls apart.</param>
/// <param name="Name">The tool's name.</param>
/// <param name="Arguments">As the model wrote them.</param>
internal sealed record ToolCall(string Id, string Name, string Arguments) : Utterance;

/// <summary>What a tool answered.</summary>
/// <param name="Id">The call's.</param>
/// <param name="Name">The tool's name.</param>
/// <param name="Content">The answer.</param>
internal sealed record ToolAnswer(string Id, string Name, string Content) : Utterance;

/// <summary>A tool.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Parameters">The names of its parameters.</param>
internal sealed record Tool(string Name, IReadOnlyList<string> Parameters);

/// <summary>A model's answer.</summary>
/// <param name="Content">The text.</param>
/// <param name="ToolCalls">The tools it asks for.</param>
/// <param name="PromptTokens">How much it has read.</param>
/// <param name="CompletionTokens">How much it has written.</param>
internal sealed record Reply(string Content, IReadOnlyList<ToolCall> ToolCalls, ulong PromptTokens, ulong CompletionTokens);
