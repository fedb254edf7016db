namespace Lavka.Contracts;

/// <summary>Somebody registered.</summary>
public sealed record UserCreated(string UserId, string Email, string Name, string? Phone = null) : IEvent
{
    public static string Topic => Topics.Users;

    public static string Type => "user.created";

    public string PartitionKey => UserId;
}
