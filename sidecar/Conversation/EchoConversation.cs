namespace Lavka.Sidecar.Conversation;

/// <summary><c>conversation.echo</c> (Dapr: reference/components-reference/supported-conversation/local-echo): for tests, it answers what it was told, and asks for every tool there is.</summary>
internal sealed class EchoConversation : IConversation
{
    public IReadOnlyList<string> Capabilities { get; } = [];

    public ValueTask<Reply> Converse(IReadOnlyList<Utterance> parts, IReadOnlyList<Tool> tools, CancellationToken cancellationToken)
    {
        var calls = tools.Select((tool, i) => new ToolCall($"{i}", tool.Name, string.Join(',', tool.Parameters.Order(StringComparer.Ordinal)))).Concat(parts.OfType<ToolCall>()).ToList();
        var content = string.Join('\n', parts.Select(part => part switch
        {
            Text text => text.Content,
            ToolAnswer answer => $"Tool Response for tool ID '{answer.Id}' with name '{answer.Name}': {answer.Content}",
            _ => null,
        }).OfType<string>());
        var words = (ulong)content.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length;
        return new(new Reply(content, calls, words, words));
    }

    public ValueTask DisposeAsync() => default;
}
