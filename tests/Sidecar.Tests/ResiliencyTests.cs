using Lavka.Sidecar.Cel;
using Lavka.Sidecar.Resiliency;
using Lavka.Sidecar.Testing;

namespace Lavka.Sidecar.Tests;

public sealed class ResiliencyTests
{
    private readonly TestClock _time = new();

    [Fact]
    public void An_open_breaker_refuses_until_its_time_is_over_and_closes_after_a_success()
    {
        var breaker = new CircuitBreaker(new(1, TimeSpan.Zero, TimeSpan.FromSeconds(30), CelExpression.Parse("consecutiveFailures >= 3")), _time);
        for (var i = 0; i < 3; i++)
        {
            breaker.Report(breaker.Enter(), succeeded: false);
        }

        Assert.Throws<CircuitBreakerException>(() => breaker.Enter());
        _time.Advance(TimeSpan.FromSeconds(31));
        var trial = breaker.Enter();
        Assert.Throws<CircuitBreakerException>(() => breaker.Enter());
        breaker.Report(trial, succeeded: true);

        breaker.Report(breaker.Enter(), succeeded: true);
    }

    [Fact]
    public async Task Matching_retries_only_the_status_codes_it_names()
    {
        var policy = new Policy(null, new(false, TimeSpan.Zero, TimeSpan.Zero, 5, RetrySpec.ParseStatusCodes("429,500-503")), null, TimeProvider.System);
        var tries = new List<int>();

        var notFound = await policy.Run(_ => Fail(404), default);
        var unavailable = await policy.Run(_ => Fail(503), default);

        Assert.Equal(404, notFound);
        Assert.Equal(503, unavailable);
        Assert.Equal([404, 503, 503, 503, 503, 503, 503], tries);

        ValueTask<Attempt<int>> Fail(int status)
        {
            tries.Add(status);
            return new(new Attempt<int>(status, Failed: true, status));
        }
    }

    [Theory]
    [InlineData("500-", "500-")]
    [InlineData("99", "99")]
    [InlineData("500-400", "500-400")]
    [InlineData("ok", "ok")]
    public void Status_codes_that_are_none_are_named(string text, string named) =>
        Assert.Contains(named, Assert.Throws<FormatException>(() => RetrySpec.ParseStatusCodes(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void HTTP_and_gRPC_status_codes_are_matched_each_by_their_own_list()
    {
        var retry = new RetrySpec(false, TimeSpan.Zero, TimeSpan.Zero, -1, RetrySpec.ParseStatusCodes("500-599"), RetrySpec.ParseGrpcStatusCodes("4,8-14"));

        Assert.Equal([500, 599, 4, 8, 14], new[] { 404, 500, 599, 2, 4, 7, 8, 14, 16 }.Where(code => retry.Matches(code)));
        Assert.Contains("17", Assert.Throws<FormatException>(() => RetrySpec.ParseGrpcStatusCodes("17")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Exponential_pauses_grow_to_their_limit()
    {
        var retry = new RetrySpec(true, TimeSpan.Zero, TimeSpan.FromSeconds(10), -1, null);

        Assert.InRange(retry.Pause(1, TimeSpan.Zero)!.Value.TotalSeconds, 0.25, 0.75);
        Assert.InRange(retry.Pause(50, TimeSpan.Zero)!.Value.TotalSeconds, 5, 15);
        Assert.Null(retry.Pause(51, TimeSpan.FromMinutes(16)));
    }
}
