using Lavka.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace Lavka.Users;

/// <summary>The API: <c>/v2/users</c>; and what the Gateway asks to sign somebody in.</summary>
public static class V2
{
    public sealed record NewUser(string? Email, string? Name, string? Password, string? Phone);

    public sealed record UserView(string Id, string Email, string Name, string? Phone, DateTimeOffset CreatedAt, bool IsWelcomed)
    {
        public static UserView Of(User user) => new(user.UserId, user.Email, user.Name, user.Phone, user.CreatedAt, user.CommunicationSent);
    }

    public static void MapV2(this WebApplication app)
    {
        var users = app.MapGroup("/v2/users").WithTags("Users");
        users.MapPost("", async Task<Created<UserView>> (
            NewUser user, [FromHeader(Name = "Idempotency-Key")] string? idempotencyKey, AggregateStore store, Passwords passwords, TimeProvider time, CancellationToken stop) =>
        {
            var password = user.Password ?? throw RequestException.Bad("The password is required.");
            var created = await RegisterUser.Handle(new(user.Email, user.Name, password, user.Phone, idempotencyKey), store, passwords, time, stop);
            return TypedResults.Created($"/v2/users/{created.UserId}", UserView.Of(created));
        }).WithSummary("Register. Anybody may.");
        users.MapGet("", async Task<Ok<Page<UserView>>> (string? cursor, int? limit, Caller caller, AggregateStore store, CancellationToken stop) =>
        {
            caller.MustBeOperator();
            var page = await Page.Of<User>(store, User.Index, User.KeyOf, cursor, limit, null, stop);
            return TypedResults.Ok(new Page<UserView>([.. page.Items.Select(UserView.Of)], page.NextCursor));
        }).WithSummary("All users, newest first. For operators.");
        users.MapGet("/{id}", async Task<Ok<UserView>> (string id, Caller caller, AggregateStore store, CancellationToken stop) =>
            caller.MayAct(id) && await store.Find<User>(User.KeyOf(id), stop) is { } user ? TypedResults.Ok(UserView.Of(user)) : throw RequestException.NotFound($"There is no user '{id}'."))
            .WithSummary("A user; a customer sees themselves.");
        app.MapPost("/credentials", CheckCredentials.Handle).ExcludeFromDescription();
    }
}
