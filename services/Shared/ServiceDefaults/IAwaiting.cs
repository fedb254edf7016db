using Lavka.Contracts;

namespace Lavka.ServiceDefaults;

/// <summary>An aggregate that can be waiting for an answer, or for a time. From the change that makes it wait on, <see cref="FollowUps{T}"/> comes back to it until it waits no more.</summary>
public interface IAwaiting
{
    /// <summary>Whether it waits.</summary>
    bool IsWaiting { get; }

    /// <summary>How long nothing need happen before the first follow-up; the pauses after it grow.</summary>
    TimeSpan Patience => TimeSpan.FromSeconds(30);

    /// <summary>When it is to be followed up at the latest; null: whenever the pause is over.</summary>
    DateTimeOffset? Deadline => null;

    /// <summary>What it tells again if it stands still; whoever is to answer answers a repeat, too. Null: nothing, its <see cref="IFollowUp{T}"/> does what there is to do.</summary>
    IEvent? Question => null;
}

/// <summary>What a service does about an aggregate that waits, besides telling again. It must be safe to repeat: two instances may do it at once.</summary>
public interface IFollowUp<T>
    where T : class, IAwaiting
{
    /// <returns>Whether it still waits.</returns>
    Task<bool> Handle(T aggregate, CancellationToken cancellationToken);
}
