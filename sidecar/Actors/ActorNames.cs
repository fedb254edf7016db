namespace Lavka.Sidecar.Actors;

/// <summary>Names of actors, and of their timers and reminders, are parts of keys and paths: what would be ambiguous there is refused.</summary>
internal static class ActorNames
{
    /// <summary>What is wrong with a name; null: nothing.</summary>
    public static string? Problem(string name) =>
        name.AsSpan().ContainsAny("#?/\\\0") ? $"name contains forbidden character: \"{name}\""
        : Array.FindIndex(name.ToCharArray(), char.IsControl) is >= 0 and var at ? $"name contains control character at position {at}: \"{name}\""
        : name is "." or ".." ? $"name is a path traversal sequence: \"{name}\""
        : null;

    /// <param name="type">An actor's type.</param>
    /// <param name="id">Its id.</param>
    /// <exception cref="ActorException">One of them is refused.</exception>
    public static void CheckActor(string type, string id)
    {
        foreach (var (what, name) in new[] { ("actorType", type), ("actorId", id) })
        {
            if (Problem(name) is { } problem)
            {
                throw new ActorException("ERR_BAD_REQUEST", $"invalid request: invalid {what}: {problem}", 400);
            }
        }
    }

    /// <param name="name">A timer's or reminder's name.</param>
    /// <exception cref="ActorException">It is refused.</exception>
    public static void Check(string name)
    {
        if (Problem(name) is { } problem)
        {
            throw new ActorException("ERR_BAD_REQUEST", $"invalid request: {problem}", 400);
        }
    }
}
