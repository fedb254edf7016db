using System.Globalization;
using System.Text.Json;

namespace Lavka.Sidecar.Http;

/// <summary>
/// A body that daprd reads into a protobuf message: what protojson refuses is refused, in its words, since applications log and match
/// what daprd says. Each read of a field takes its value from the body, so errors come in the order in which they stand there.
/// </summary>
internal sealed class ProtoJson(byte[] body)
{
    private readonly ProtoJsonTokens _tokens = new(body);
    private int _depth;

    /// <summary>A field of a message: its name in JSON and in the .proto file, and what takes its value.</summary>
    public readonly record struct Field(string Name, string ProtoName, Action Read)
    {
        /// <summary>The .proto name of the oneof it belongs to; null: none.</summary>
        public string? OneOf { get; init; }

        /// <summary>Whether null is a value, not the field's absence.</summary>
        public bool TakesNull { get; init; }
    }

    /// <summary>Reads a whole body; an empty one is a message without fields.</summary>
    /// <exception cref="ApiException">It is no such message; 400.</exception>
    public static async ValueTask Read(ApiRequest request, Func<ProtoJson, Field[]> fields)
    {
        byte[] body;
        try
        {
            body = await request.Body();
        }
        catch (BodyTooLargeException e)
        {
            throw new ApiException(400, "ERR_BODY_READ", $"failed to read request body: {e.Message}");
        }

        if (body.Length > 0)
        {
            var json = new ProtoJson(body);
            json.Message(fields(json));
            if (json._tokens.Next() is { Kind: not ProtoJsonKind.End } more)
            {
                throw json._tokens.Unexpected(more);
            }
        }
    }

    /// <summary>A message; members it has no field for do not count.</summary>
    public void Message(params Field[] fields)
    {
        Take(ProtoJsonKind.ObjectStart);
        Enter();
        HashSet<string> seen = [];
        if (!Took(ProtoJsonKind.ObjectEnd))
        {
            do
            {
                var name = Take(ProtoJsonKind.Text);
                _tokens.TakeColon();
                Member(name, Array.Find(fields, field => field.Name == name.Text || field.ProtoName == name.Text), seen);
            }
            while (TookComma(ProtoJsonKind.ObjectEnd));
        }

        _depth--;
    }

    /// <summary>A field's text.</summary>
    public string Text(string field) =>
        _tokens.Next() is { Kind: ProtoJsonKind.Text } token ? token.Text : throw Invalid("string", field);

    /// <summary>A field's flag.</summary>
    public bool Flag(string field) =>
        _tokens.Next() is { Kind: ProtoJsonKind.Flag } token ? token.Raw == "true" : throw Invalid("bool", field);

    /// <summary>A field's whole number: 60, 60.0, 6e1 or "60".</summary>
    public int Int32(string field) => (int)Integer("int32", field, int.MinValue, int.MaxValue);

    /// <inheritdoc cref="Int32"/>
    public uint UInt32(string field) => (uint)Integer("uint32", field, 0, uint.MaxValue);

    /// <summary>A field's google.protobuf.Duration: "1.5s".</summary>
    public TimeSpan Duration()
    {
        var token = Take(ProtoJsonKind.Text);
        const NumberStyles style = NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingSign;
        return token.Text.EndsWith('s') && decimal.TryParse(token.Text[..^1], style, CultureInfo.InvariantCulture, out var seconds)
            && Math.Abs(seconds) <= (decimal)TimeSpan.MaxValue.TotalSeconds - 1
            ? TimeSpan.FromTicks((long)(seconds * TimeSpan.TicksPerSecond))
            : throw _tokens.Error(token, $"invalid google.protobuf.Duration value {token.Raw}");
    }

    /// <summary>A field's value as it is.</summary>
    public JsonElement Value()
    {
        var start = _tokens.Peek().Start;
        Skip();
        using var document = JsonDocument.Parse(body.AsMemory(start, _tokens.End - start), new() { MaxDepth = ApiRequest.MaxDepth });
        return document.RootElement.Clone();
    }

    private void Member(ProtoJsonToken name, Field field, HashSet<string> seen)
    {
        if (field.Read is null)
        {
            Skip();
            return;
        }

        if (!seen.Add(field.Name))
        {
            throw _tokens.Error(name, $"duplicate field {name.Raw}");
        }

        if (!field.TakesNull && Took(ProtoJsonKind.Null))
        {
            return;
        }

        if (field.OneOf is { } choice && !seen.Add(choice))
        {
            throw _tokens.Error(name, $"error parsing {name.Raw}, oneof {choice} is already set");
        }

        field.Read();
    }

    private decimal Integer(string type, string field, decimal least, decimal most)
    {
        const NumberStyles style = NumberStyles.Float & ~NumberStyles.AllowLeadingWhite & ~NumberStyles.AllowTrailingWhite;
        var token = _tokens.Next();
        var digits = token.Kind == ProtoJsonKind.Text ? token.Text : token.Raw;
        return token.Kind is ProtoJsonKind.Number or ProtoJsonKind.Text
            && decimal.TryParse(digits, style, CultureInfo.InvariantCulture, out var number)
            && number == decimal.Truncate(number) && number >= least && number <= most ? number : throw Invalid(type, field);
    }

    private ApiException Invalid(string type, string field) => _tokens.Last.Kind == ProtoJsonKind.End
        ? _tokens.Unexpected(_tokens.Last)
        : _tokens.Error(_tokens.Last, $"invalid value for {type} field {field}: {_tokens.Last.Raw}");

    private void Skip()
    {
        switch (_tokens.Peek().Kind)
        {
            case ProtoJsonKind.ObjectStart:
                Message();
                break;
            case ProtoJsonKind.ArrayStart:
                _tokens.Next();
                Enter();
                if (!Took(ProtoJsonKind.ArrayEnd))
                {
                    do
                    {
                        Skip();
                    }
                    while (TookComma(ProtoJsonKind.ArrayEnd));
                }

                _depth--;
                break;
            case ProtoJsonKind.Text or ProtoJsonKind.Number or ProtoJsonKind.Flag or ProtoJsonKind.Null:
                _tokens.Next();
                break;
            default:
                throw _tokens.Unexpected(_tokens.Next());
        }
    }

    private void Enter()
    {
        if (++_depth > ApiRequest.MaxDepth)
        {
            throw ProtoJsonTokens.Malformed("exceeded max recursion depth");
        }
    }

    private ProtoJsonToken Take(ProtoJsonKind wanted) =>
        _tokens.Next() is var token && token.Kind == wanted ? token : throw _tokens.Unexpected(token);

    private bool Took(ProtoJsonKind wanted)
    {
        var isIt = _tokens.Peek().Kind == wanted;
        if (isIt)
        {
            _tokens.Next();
        }

        return isIt;
    }

    /// <summary>True after a comma, false after the end.</summary>
    private bool TookComma(ProtoJsonKind end) =>
        _tokens.Next() is var token && (token.Kind == ProtoJsonKind.Comma || (token.Kind == end ? false : throw _tokens.Unexpected(token)));
}
