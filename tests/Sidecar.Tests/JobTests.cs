using System.Net;
using System.Text.Json;
using Lavka.Sidecar.Scheduling;
using Lavka.Sidecar.Testing;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests;

public sealed class JobTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_job_fires_as_often_as_it_repeats_and_is_gone_then()
    {
        await using var test = await TestApp.Start();

        Assert.Equal(HttpStatusCode.NoContent, (await test.Post("/v1.0-alpha1/jobs/report", """{"schedule":"@every 1h","repeats":2,"data":{"a":1}}""")).Status);
        Assert.Contains("\"repeats\":2", (await test.Get("/v1.0-alpha1/jobs/report")).Body, StringComparison.Ordinal);

        for (var i = 1; i <= 2; i++)
        {
            test.Dapr.Clock.Advance(TimeSpan.FromHours(1));
            Assert.Equal("""{"a":1}""", (await test.Received("/job/report", i))[^1].Text);
        }

        await Eventually.Get(async () => (await test.Get("/v1.0-alpha1/jobs/report")).Status == HttpStatusCode.InternalServerError ? "" : null, "the job to end");
        Assert.Equal(2, test.App.Log.Count(request => request.Path == "/job/report"));
    }

    [Fact]
    public async Task A_job_that_fails_is_tried_three_times_more()
    {
        await using var test = await TestApp.Start(answer: request => request.Path == "/job/broken" ? new(500) : null);
        await test.Post("/v1.0-alpha1/jobs/broken", """{"dueTime":"1m"}""");

        test.Dapr.Clock.Advance(TimeSpan.FromMinutes(1));
        for (var i = 1; i <= 4; i++)
        {
            await test.Received("/job/broken", i);
            await Eventually.Holds(() => { test.Dapr.Clock.Advance(TimeSpan.FromSeconds(1)); return test.App.Log.Count(request => request.Path == "/job/broken") > Math.Min(i, 3); }, "the next try");
        }

        await Eventually.Get(async () => (await test.Get("/v1.0-alpha1/jobs/broken")).Status == HttpStatusCode.InternalServerError ? "" : null, "the job to end");
        Assert.Equal(4, test.App.Log.Count(request => request.Path == "/job/broken"));
    }

    [Fact]
    public async Task Jobs_outlive_the_sidecar()
    {
        var clock = new TestClock();
        await using (var first = await TestApp.Start(options: new() { DataPath = _folder.Path, Clock = clock }))
        {
            await first.Post("/v1.0-alpha1/jobs/later", """{"dueTime":"1h","data":"x"}""");
        }

        await using var second = await TestApp.Start(options: new() { DataPath = _folder.Path, Clock = clock });
        clock.Advance(TimeSpan.FromHours(1));

        Assert.Equal("\"x\"", (await second.Received("/job/later"))[0].Text);
    }

    [Theory]
    [InlineData("""{}""", HttpStatusCode.BadRequest, "DAPR_SCHEDULER_SCHEDULE_EMPTY")]
    [InlineData("", HttpStatusCode.BadRequest, "DAPR_SCHEDULER_SCHEDULE_EMPTY")]
    [InlineData("""{"name":"x","dueTime":"1s"}""", HttpStatusCode.BadRequest, "DAPR_SCHEDULER_JOB_NAME")]
    [InlineData("""{"schedule":"* * * * *"}""", HttpStatusCode.InternalServerError, "expected exactly 6 fields")]
    [InlineData("""{"dueTime":"1s","repeats":3}""", HttpStatusCode.InternalServerError, "must have a schedule to repeat")]
    [InlineData("""{"dueTime":"1s","repeats":-1}""", HttpStatusCode.BadRequest, "ERR_MALFORMED_REQUEST")]
    [InlineData("""{"dueTime":"1s","failurePolicy":{"drop":{},"constant":{}}}""", HttpStatusCode.BadRequest, "ERR_MALFORMED_REQUEST")]
    public async Task A_job_that_is_wrong_is_refused(string body, HttpStatusCode status, string problem)
    {
        await using var test = await TestApp.Start();

        var answer = await test.Post("/v1.0-alpha1/jobs/bad", body);

        Assert.Equal(status, answer.Status);
        Assert.Contains(problem, answer.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_job_is_replaced_only_if_that_is_wanted()
    {
        await using var test = await TestApp.Start();
        await test.Post("/v1.0-alpha1/jobs/j", """{"dueTime":"1h"}""");

        Assert.Equal(HttpStatusCode.Conflict, (await test.Post("/v1.0-alpha1/jobs/j", """{"dueTime":"2h"}""")).Status);
        Assert.Equal(HttpStatusCode.NoContent, (await test.Post("/v1.0-alpha1/jobs/j", """{"dueTime":"2h","overwrite":true}""")).Status);
        Assert.Equal("2h", JsonDocument.Parse((await test.Get("/v1.0-alpha1/jobs/j")).Body).RootElement.GetProperty("dueTime").GetString());
    }

    [Theory]
    [InlineData("0 30 9 * * MON-FRI", "2026-01-01T10:00:00Z", "2026-01-02T09:30:00Z")]
    [InlineData("*/15 * * * * *", "2026-01-01T10:00:07Z", "2026-01-01T10:00:15Z")]
    [InlineData("0 0 0 29 feb ?", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z")]
    [InlineData("0 0 12 1,15 * FRI", "2026-01-01T13:00:00Z", "2026-01-02T12:00:00Z")]
    [InlineData("CRON_TZ=UTC 0 0 6 * * *", "2026-07-01T07:00:00Z", "2026-07-02T06:00:00Z")]
    [InlineData("@daily", "2026-01-01T10:00:00Z", "2026-01-02T00:00:00Z")]
    [InlineData("@every 1h30m", "2026-01-01T10:00:00Z", "2026-01-01T11:30:00Z")]
    public void A_cron_expression_has_a_next_time(string expression, string after, string next) =>
        Assert.Equal(DateTimeOffset.Parse(next, System.Globalization.CultureInfo.InvariantCulture),
            CronSchedule.Parse(expression).Next(DateTimeOffset.Parse(after, System.Globalization.CultureInfo.InvariantCulture)));

    [Fact]
    public void A_time_that_never_comes_is_none() => Assert.Null(CronSchedule.Parse("0 0 0 30 2 *").Next(DateTimeOffset.UnixEpoch));

    [Theory]
    [InlineData("")]
    [InlineData("* * * * * * *")]
    [InlineData("61 * * * * *")]
    [InlineData("* * * * * 7")]
    [InlineData("*/0 * * * * *")]
    [InlineData("@sometimes")]
    [InlineData("TZ=Nowhere/Atall * * * * * *")]
    public void What_is_no_cron_expression_is_refused(string expression) => Assert.Throws<FormatException>(() => CronSchedule.Parse(expression));
}
