using Lavka.ServiceDefaults;

namespace Lavka.Users;

/// <summary>
/// How often wrong passwords came for one account from one address. After the third each makes the next wait, twice as long as the one before, a minute at most. Only who has failed waits: the
/// account's owner, at another address, does not. Forgotten after an hour, and when the right one comes.
/// </summary>
public sealed record SignInAttempts(int Failures, DateTimeOffset Last)
{
    private const int Free = 3;
    private const double LongestPause = 60;
    private static readonly TimeSpan KeptFor = TimeSpan.FromHours(1);

    /// <param name="client">The address that asks; null: nobody says.</param>
    public static string KeyOf(string email, string? client) => $"sign-in-{NaturalId.From(email.ToLowerInvariant(), client ?? "")}";

    /// <summary>How long the next has to wait; zero or less: not at all.</summary>
    public TimeSpan PauseAt(DateTimeOffset now) => Failures < Free ? TimeSpan.Zero : Last + TimeSpan.FromSeconds(Math.Min(Math.Pow(2, Failures - Free), LongestPause)) - now;

    /// <summary>One more, wrong.</summary>
    public static Change<SignInAttempts> Failed(SignInAttempts? known, DateTimeOffset now) => new SignInAttempts((known?.Failures ?? 0) + 1, now).Quietly() with { KeptFor = KeptFor };
}
