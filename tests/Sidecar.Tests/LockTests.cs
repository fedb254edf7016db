namespace Lavka.Sidecar.Tests;

public sealed class LockTests
{
    [Fact]
    public async Task One_owner_holds_a_lock_until_it_unlocks()
    {
        await using var test = await Start();

        Assert.Equal("""{"success":true}""", await Lock(test, "ann"));
        Assert.Equal("""{"success":false}""", await Lock(test, "bob"));
        Assert.Equal("""{"success":false}""", await Lock(test, "ann"));
        Assert.Equal("""{"status":2}""", await Unlock(test, "bob"));
        Assert.Equal("""{"status":0}""", await Unlock(test, "ann"));
        Assert.Equal("""{"status":1}""", await Unlock(test, "ann"));
        Assert.Equal("""{"success":true}""", await Lock(test, "bob"));
    }

    [Fact]
    public async Task A_lock_ends_with_its_expiry()
    {
        await using var test = await Start();
        await Lock(test, "ann");

        test.Dapr.Clock.Advance(TimeSpan.FromSeconds(61));

        Assert.Equal("""{"status":1}""", await Unlock(test, "ann"));
        Assert.Equal("""{"success":true}""", await Lock(test, "bob"));
    }

    [Theory]
    [InlineData("""{"resourceId":"r","lockOwner":"o"}""", "ExpiryInSeconds is not positive")]
    [InlineData("""{"lockOwner":"o","expiryInSeconds":5}""", "ResourceId is empty")]
    [InlineData("""{"resourceId":"r","expiryInSeconds":"5"}""", "LockOwner is empty")]
    [InlineData("""{"resourceId":"r","lockOwner":"o","expiryInSeconds":1.5}""", "expiryInSeconds")]
    [InlineData("[]", "ERR_MALFORMED_REQUEST")]
    public async Task A_request_that_is_wrong_is_refused(string body, string problem)
    {
        await using var test = await Start();

        Assert.Contains(problem, (await test.Post("/v1.0-alpha1/lock/locks", body)).Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_many_who_want_it_at_once_one_gets_it()
    {
        await using var test = await Start();

        var answers = await Task.WhenAll(Enumerable.Range(0, 32).Select(i => Lock(test, $"owner{i}")));

        Assert.Single(answers, answer => answer.Contains("true", StringComparison.Ordinal));
    }

    private static Task<TestApp> Start() => TestApp.Start(options: new() { Resources = [TestApp.Component("locks", "lock.embedded", ("path", "locks.db"))] });

    private static async Task<string> Lock(TestApp test, string owner) =>
        (await test.Post("/v1.0-alpha1/lock/locks", $$"""{"resourceId":"r","lockOwner":"{{owner}}","expiryInSeconds":60}""")).Body;

    private static async Task<string> Unlock(TestApp test, string owner) =>
        (await test.Post("/v1.0-alpha1/unlock/locks", $$"""{"resourceId":"r","lockOwner":"{{owner}}"}""")).Body;
}
