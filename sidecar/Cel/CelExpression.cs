using System.Globalization;

namespace Lavka.Sidecar.Cel;

/// <summary>
/// The part of the Common Expression Language that Dapr's routing rules and circuit breakers are written in: comparison, <c>&amp;&amp; || !</c>, <c>?:</c>,
/// arithmetic, <c>in</c>, <c>has()</c>, <c>size()</c>, the string functions <c>startsWith endsWith contains matches</c>,
/// conversions, and the macros <c>exists all exists_one filter map</c>. Numbers of different types compare, but do not add up, as in CEL.
/// </summary>
internal sealed class CelExpression
{
    private readonly Func<Func<string, object?>, object?> _evaluate;

    private CelExpression(string text, Func<Func<string, object?>, object?> evaluate) => (Text, _evaluate) = (text, evaluate);

    /// <summary>The expression as it was written.</summary>
    public string Text { get; }

    /// <exception cref="CelException">It does not parse.</exception>
    public static CelExpression Parse(string text) => new(text, new Parser(text).Whole());

    /// <summary>Evaluates over variables; a <see cref="System.Text.Json.JsonElement"/> is taken apart as CEL does.</summary>
    /// <exception cref="CelException">The result is not a boolean, or a part cannot be evaluated.</exception>
    public bool IsTrue(Func<string, object?> variables) =>
        CelValue.Of(_evaluate(variables)) is bool result ? result : throw new CelException($"the result of match expression {Text} was not a boolean");

    private delegate object? Node(Func<string, object?> variables);

    private sealed class Parser(string text)
    {
        private readonly List<CelToken> _tokens = CelLexer.Read(text);
        private int _at;

        private CelToken Now => _tokens[_at];

        public Func<Func<string, object?>, object?> Whole()
        {
            var node = Conditional();
            if (Now.Kind != CelTokenKind.End)
            {
                throw Unexpected();
            }

            return new(node);
        }

        private Node Conditional()
        {
            var condition = Or();
            if (!Take("?"))
            {
                return condition;
            }

            var yes = Or();
            Expect(":");
            var no = Conditional();
            return v => CelValue.Bool(condition(v)) ? yes(v) : no(v);
        }

        // CEL's && and || forgive an error on one side if the other side decides.
        private Node Or()
        {
            var left = And();
            while (Take("||"))
            {
                var (a, b) = (left, And());
                left = v => Decide(a, b, v, decisive: true);
            }

            return left;
        }

        private Node And()
        {
            var left = Relation();
            while (Take("&&"))
            {
                var (a, b) = (left, Relation());
                left = v => Decide(a, b, v, decisive: false);
            }

            return left;
        }

        private static object Decide(Node a, Node b, Func<string, object?> v, bool decisive)
        {
            try
            {
                if (CelValue.Bool(a(v)) == decisive)
                {
                    return decisive;
                }
            }
            catch (CelException)
            {
                if (CelValue.Bool(b(v)) == decisive)
                {
                    return decisive;
                }

                throw;
            }

            return CelValue.Bool(b(v));
        }

        private Node Relation()
        {
            var left = Sum();
            while (true)
            {
                var operation = Now.Text;
                if (Now is { Kind: CelTokenKind.Symbol, Text: "==" or "!=" or "<" or "<=" or ">" or ">=" } or { Kind: CelTokenKind.Name, Text: "in" })
                {
                    _at++;
                }
                else
                {
                    return left;
                }

                var (a, b) = (left, Sum());
                left = operation switch
                {
                    "==" => v => CelValue.Same(a(v), b(v)),
                    "!=" => v => !CelValue.Same(a(v), b(v)),
                    "<" => v => CelValue.Compare(a(v), b(v)) < 0,
                    "<=" => v => CelValue.Compare(a(v), b(v)) <= 0,
                    ">" => v => CelValue.Compare(a(v), b(v)) > 0,
                    ">=" => v => CelValue.Compare(a(v), b(v)) >= 0,
                    _ => v => CelValue.IsIn(a(v), b(v)),
                };
            }
        }

        private Node Sum()
        {
            var left = Product();
            while (Now is { Kind: CelTokenKind.Symbol, Text: "+" or "-" })
            {
                var operation = _tokens[_at++].Text;
                var (a, b) = (left, Product());
                left = v => CelValue.Arithmetic(operation, a(v), b(v));
            }

            return left;
        }

        private Node Product()
        {
            var left = Unary();
            while (Now is { Kind: CelTokenKind.Symbol, Text: "*" or "/" or "%" })
            {
                var operation = _tokens[_at++].Text;
                var (a, b) = (left, Unary());
                left = v => CelValue.Arithmetic(operation, a(v), b(v));
            }

            return left;
        }

        private Node Unary()
        {
            if (Take("!"))
            {
                var operand = Unary();
                return v => !CelValue.Bool(operand(v));
            }

            if (Take("-"))
            {
                var operand = Unary();
                return v => CelValue.Negate(operand(v));
            }

            return Member();
        }

        private Node Member()
        {
            var node = Primary();
            while (true)
            {
                var target = node;
                if (Take("."))
                {
                    var name = Name();
                    if (name is "exists" or "all" or "exists_one" or "filter" or "map" && Take("("))
                    {
                        node = Macro(name, target);
                    }
                    else if (Take("("))
                    {
                        var arguments = Arguments(")");
                        node = v => CelValue.Method(name, target(v), [.. arguments.Select(a => a(v))]);
                    }
                    else
                    {
                        node = v => CelValue.Field(target(v), name);
                    }
                }
                else if (Take("["))
                {
                    var index = Conditional();
                    Expect("]");
                    node = v => CelValue.Index(target(v), index(v));
                }
                else
                {
                    return node;
                }
            }
        }

        // list.exists(x, condition) and its like: the condition is evaluated with x for each item.
        private Node Macro(string macro, Node list)
        {
            var variable = Name();
            Expect(",");
            var first = Conditional();
            var second = Take(",") ? Conditional() : null;
            Expect(")");
            if (second is not null && macro != "map")
            {
                throw new CelException($"{macro}() takes a variable and a condition, in '{text}'");
            }

            return v =>
            {
                var scopes = CelValue.Items(list(v)).Select(item => (Item: item, Scope: (Func<string, object?>)(name => name == variable ? item : v(name))));
                return macro switch
                {
                    "exists" => Any(scopes.Select(one => one.Scope), first, wanted: true),
                    "all" => !Any(scopes.Select(one => one.Scope), first, wanted: false),
                    "exists_one" => scopes.Count(one => CelValue.Bool(first(one.Scope))) == 1,
                    "filter" => scopes.Where(one => CelValue.Bool(first(one.Scope))).Select(one => one.Item).ToList(),
                    _ when second is not null => scopes.Where(one => CelValue.Bool(first(one.Scope))).Select(one => second(one.Scope)).ToList(),
                    _ => scopes.Select(one => first(one.Scope)).ToList(),
                };
            };
        }

        // As with && and ||, one item that decides outweighs others that cannot be evaluated.
        private static bool Any(IEnumerable<Func<string, object?>> scopes, Node condition, bool wanted)
        {
            CelException? error = null;
            foreach (var scope in scopes)
            {
                try
                {
                    if (CelValue.Bool(condition(scope)) == wanted)
                    {
                        return true;
                    }
                }
                catch (CelException e)
                {
                    error = e;
                }
            }

            return error is null ? false : throw error;
        }

        private Node Primary()
        {
            var token = Now;
            _at++;
            switch (token.Kind)
            {
                case CelTokenKind.Text:
                    return _ => token.Text;
                case CelTokenKind.Int when long.TryParse(token.Text, CultureInfo.InvariantCulture, out var whole):
                    return _ => whole;
                case CelTokenKind.Double when double.TryParse(token.Text, CultureInfo.InvariantCulture, out var number):
                    return _ => number;
                case CelTokenKind.Symbol when token.Text == "(":
                    var inner = Conditional();
                    Expect(")");
                    return inner;
                case CelTokenKind.Symbol when token.Text == "[":
                    var items = Arguments("]");
                    return v => items.Select(item => item(v)).ToList();
                case CelTokenKind.Name:
                    return Named(token.Text);
                default:
                    _at--;
                    throw Unexpected();
            }
        }

        private Node Named(string name)
        {
            switch (name)
            {
                case "true":
                    return _ => true;
                case "false":
                    return _ => false;
                case "null":
                    return _ => null;
            }

            if (!Take("("))
            {
                return v => v(name);
            }

            var start = _at;
            var arguments = Arguments(")");
            if (name == "has" && arguments.Count == 1)
            {
                return Has(start);
            }

            return v => CelValue.Function(name, [.. arguments.Select(a => a(v))]);
        }

        // has(a.b): whether a has b. The last selection is asked for, not made.
        private Node Has(int start)
        {
            var field = _tokens[_at - 2];
            if (field.Kind != CelTokenKind.Name || _tokens[_at - 3].Text != ".")
            {
                throw new CelException($"has() takes a field, as in has(event.data), in '{text}'");
            }

            var end = _at;
            var rest = _tokens[end - 3];
            _at = start;
            _tokens[end - 3] = new(CelTokenKind.End, "", rest.Position);
            var target = Conditional();
            _tokens[end - 3] = rest;
            _at = end;
            return v => CelValue.HasField(target(v), field.Text);
        }

        private List<Node> Arguments(string close)
        {
            var arguments = new List<Node>();
            if (Take(close))
            {
                return arguments;
            }

            do
            {
                arguments.Add(Conditional());
            }
            while (Take(","));
            Expect(close);
            return arguments;
        }

        private string Name()
        {
            if (Now.Kind != CelTokenKind.Name)
            {
                throw Unexpected();
            }

            return _tokens[_at++].Text;
        }

        private bool Take(string symbol)
        {
            if (Now.Kind == CelTokenKind.Symbol && Now.Text == symbol)
            {
                _at++;
                return true;
            }

            return false;
        }

        private void Expect(string symbol)
        {
            if (!Take(symbol))
            {
                throw Unexpected();
            }
        }

        private CelException Unexpected() => Now.Kind == CelTokenKind.End
            ? new($"'{text}' ends too early")
            : new($"unexpected '{Now.Text}' at {Now.Position} in '{text}'");
    }
}
