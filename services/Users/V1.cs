using System.Text.Json.Serialization;
using Lavka.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lavka.Users;

/// <summary>The plain API: <c>/v1/users</c>.</summary>
public static class V1
{
    public sealed record NewUser(string? Email, string? Name);

    public sealed record UserView(
        string Id, string Email, string Name, [property: JsonPropertyName("created_at")] DateTimeOffset CreatedAt, [property: JsonPropertyName("communication_sent")] bool CommunicationSent)
    {
        public static UserView Of(User user) => new(user.UserId, user.Email, user.Name, user.CreatedAt, user.CommunicationSent);
    }

    public static void MapV1(this WebApplication app)
    {
        var users = app.MapGroup("/v1/users").WithTags("Users");
        users.MapPost("", async Task<Created<UserView>> (NewUser user, AggregateStore store, Passwords passwords, TimeProvider time, CancellationToken stop) =>
        {
            var created = await RegisterUser.Handle(new(user.Email, user.Name), store, passwords, time, stop);
            return TypedResults.Created($"/v1/users/{created.UserId}", UserView.Of(created));
        }).WithSummary("Register a user.");
        users.MapGet("/{id}", async Task<Ok<UserView>> (string id, AggregateStore store, CancellationToken stop) =>
            await store.Find<User>(User.KeyOf(id), stop) is { } user ? TypedResults.Ok(UserView.Of(user)) : throw RequestException.NotFound($"There is no user '{id}'."))
            .WithSummary("A user, with whether the welcome has gone out.");
        users.MapGet("", async Task<Ok<IEnumerable<UserView>>> (string? email, string? page, HttpContext http, AggregateStore store, CancellationToken stop) =>
        {
            var (ids, earlier) = email is null
                ? await IdList.Page(store, User.Index, page, stop)
                : (RegisterUser.IsEmail(email.Trim()) ? (await store.FindPart<IdList>(User.EmailKeyOf(email.Trim()), stop))?.Ids ?? [] : [], null);
            http.LinkToNextPage(earlier);
            return TypedResults.Ok((await store.FindAll<User>([.. ids.Select(User.KeyOf)], stop)).Select(UserView.Of));
        }).WithSummary("Users, newest page first, or the one with an e-mail address; the Link header leads to the next page.");
    }
}
