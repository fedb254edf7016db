using Lavka.Contracts;

namespace Lavka.ServiceDefaults;

/// <summary>What a use case decides about an aggregate: its next state, and the event that tells of it.</summary>
/// <typeparam name="T">The aggregate.</typeparam>
/// <param name="State">The state after the change; null: there is none.</param>
/// <param name="Tells">The event, if others must know. Without a change: the answer to a repeat, which says how the aggregate is.</param>
/// <param name="IsChanged">False: nothing to save.</param>
/// <param name="KeptFor">How long it is kept after this change, if no other follows; null: for ever.</param>
public sealed record Change<T>(T? State, IEvent? Tells, bool IsChanged, TimeSpan? KeptFor = null)
    where T : class;

/// <summary>Makes changes.</summary>
public static class Change
{
    /// <summary>The aggregate becomes this, and tells.</summary>
    public static Change<T> Telling<T>(this T state, IEvent? tells)
        where T : class => new(state, tells, true);

    /// <summary>The aggregate becomes this; nobody need know.</summary>
    public static Change<T> Quietly<T>(this T state)
        where T : class => new(state, null, true);

    /// <summary>The aggregate stays as it is: the event is a repeat, or comes too late.</summary>
    /// <param name="answer">
    /// What whoever asks again has to know, since the first answer may be lost; null: nobody waits for one. Answers only lead on along the saga, never back: two services that
    /// answered each other would do it without end.
    /// </param>
    public static Change<T> Unchanged<T>(this T state, IEvent? answer = null)
        where T : class => new(state, answer, false);

    /// <summary>There is no aggregate, and there will be none.</summary>
    public static Change<T> Nothing<T>()
        where T : class => new(null, null, false);
}
