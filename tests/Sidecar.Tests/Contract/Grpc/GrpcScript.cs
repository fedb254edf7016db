using System.Text.Json;

namespace Lavka.Sidecar.Tests.Contract.Grpc;

/// <summary>What a recorded gRPC app answers: by method, or by method and what the call is about, once or in turn.</summary>
internal sealed class GrpcScript
{
    private readonly Dictionary<string, JsonElement> _answers = [];
    private readonly Dictionary<string, int> _hits = [];

    public GrpcScript(JsonElement answers) => Change(answers);

    /// <summary>The hit counts start anew.</summary>
    public void Forget()
    {
        lock (_answers)
        {
            _hits.Clear();
        }
    }

    /// <summary>These answers hold from here on, and the others as before.</summary>
    public void Change(JsonElement answers)
    {
        lock (_answers)
        {
            foreach (var answer in answers.EnumerateObject())
            {
                _answers[answer.Name] = answer.Value;
            }
        }
    }

    /// <summary>The next answer; null: the app does not implement the method.</summary>
    /// <param name="about">The event's path, the invoked method, the binding's or the job's name.</param>
    public JsonElement? Next(string method, string? about)
    {
        lock (_answers)
        {
            var key = $"{method} {about}";
            if (!_answers.TryGetValue(key, out var answer) && !_answers.TryGetValue(key = method, out answer))
            {
                return null;
            }

            if (answer.ValueKind != JsonValueKind.Array)
            {
                return answer;
            }

            var hit = _hits.GetValueOrDefault(key);
            _hits[key] = hit + 1;
            return answer[Math.Min(hit, answer.GetArrayLength() - 1)];
        }
    }
}
