namespace Lavka.Contracts;

/// <summary>Somebody registered.</summary>
public sealed record UserCreated(string UserId, string Email, string Name) : IEvent
{
    public static string Type => "user.created";

    public string PartitionKey => UserId;
}
