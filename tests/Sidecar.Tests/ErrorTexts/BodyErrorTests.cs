using System.Net;
using System.Text.Json;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests.ErrorTexts;

/// <summary>What is wrong with the body of a lock, a job, a timer, a reminder or a bulk publish is told in the very words of daprd 1.17.13.</summary>
public sealed class BodyErrorTests : IAsyncLifetime
{
    private TestApp _test = null!;

    public async Task InitializeAsync() => _test = await TestApp.Start(
        answer: request => request.Path == "/dapr/config" ? Answer.Json("""{"entities":["Cart"]}""") : null,
        options: new()
        {
            Resources =
            [
                TestApp.Component("lk", "lock.embedded", ("path", "locks.db")), TestApp.Component("pubsub", "pubsub.in-memory"),
                TestApp.Component("store", "state.in-memory", ("actorStateStore", "true")),
            ],
        });

    public async Task DisposeAsync() => await _test.DisposeAsync();

    [Theory]
    [InlineData("{", "unexpected EOF")]
    [InlineData("""{"a" """, "unexpected EOF")]
    [InlineData("[]", "syntax error (line 1:1): unexpected token [")]
    [InlineData("null", "syntax error (line 1:1): unexpected token null")]
    [InlineData("nul", "syntax error (line 1:1): invalid value nul")]
    [InlineData("{'a':1}", "syntax error (line 1:2): invalid value '")]
    [InlineData("""{"a":}""", "syntax error (line 1:6): unexpected token }")]
    [InlineData("""{"a":1,}""", "syntax error (line 1:8): unexpected token }")]
    [InlineData("{} x", "syntax error (line 1:4): invalid value x")]
    [InlineData("""{"a":1}{"b":2}""", "syntax error (line 1:8): unexpected token {")]
    [InlineData("""{"resourceId"  "x"}""", "syntax error (line 1:16): unexpected character \", missing \":\" after field name")]
    [InlineData("""{"resourceId":"x" "y"}""", "syntax error (line 1:19): unexpected token \"y\"")]
    [InlineData("""{"resourceId":"\q"}""", "syntax error (line 1:15): invalid escape code \"\\\\q\" in string")]
    [InlineData("{\"resourceId\":\"a\u0001b\"}", "syntax error (line 1:15): invalid character '\\x01' in string")]
    [InlineData("{\"resourceId\":\n\n 5}", "(line 3:2): invalid value for string field resourceId: 5")]
    [InlineData("""{"resourceId":{}}""", "(line 1:15): invalid value for string field resourceId: {")]
    [InlineData("""{"storeName":5}""", "(line 1:14): invalid value for string field storeName: 5")]
    [InlineData("""{"resourceId":"a","resource_id":"b"}""", "(line 1:19): duplicate field \"resource_id\"")]
    [InlineData("""{"expiryInSeconds":01}""", "syntax error (line 1:20): invalid value 01")]
    [InlineData("""{"expiryInSeconds":1.5}""", "(line 1:20): invalid value for int32 field expiryInSeconds: 1.5")]
    [InlineData("""{"expiryInSeconds":" 5"}""", "(line 1:20): invalid value for int32 field expiryInSeconds: \" 5\"")]
    [InlineData("""{"expiryInSeconds":99999999999}""", "(line 1:20): invalid value for int32 field expiryInSeconds: 99999999999")]
    public async Task A_lock_is_read_as_protojson_reads_it(string body, string problem) =>
        Assert.Equal(Malformed($"proto: {problem}"), await Post("v1.0-alpha1/lock/lk", body));

    [Theory]
    [InlineData("""{"resourceId":"r1","lockOwner":"\u00fc\ud83d\ude00","expiryInSeconds":"5"}""")]
    [InlineData("""{"resource_id":"r2","lock_owner":"o","expiry_in_seconds":5e0,"more":[{"a":[1,true,null]}]}""")]
    [InlineData("""{"resourceId":"r3","lockOwner":"o","expiryInSeconds":5.0,"storeName":null}""")]
    public async Task What_protojson_takes_is_taken(string body)
    {
        var (status, answer) = await _test.Post("/v1.0-alpha1/lock/lk", body);
        Assert.Equal((HttpStatusCode.OK, """{"success":true}"""), (status, answer));
    }

    [Theory]
    [InlineData("""{"repeats":-1}""", "(line 1:12): invalid value for uint32 field repeats: -1")]
    [InlineData("""{"ttl":true}""", "(line 1:8): invalid value for string field ttl: true")]
    [InlineData("""{"overwrite":"yes"}""", "(line 1:14): invalid value for bool field overwrite: \"yes\"")]
    [InlineData("""{"failurePolicy":5}""", "syntax error (line 1:18): unexpected token 5")]
    [InlineData("""{"failurePolicy":{"drop":{},"constant":{}}}""", "(line 1:29): error parsing \"constant\", oneof dapr.proto.common.v1.JobFailurePolicy.policy is already set")]
    [InlineData("""{"failurePolicy":{"constant":{"interval":"1m"}}}""", "(line 1:42): invalid google.protobuf.Duration value \"1m\"")]
    public async Task A_job_is_read_as_protojson_reads_it(string body, string problem) =>
        Assert.Equal(Malformed($"proto: {problem}"), await Post("v1.0-alpha1/jobs/j", body));

    [Theory]
    [InlineData("* * *", "expected exactly 6 fields, found 3: [* * *]")]
    [InlineData("@never", "unrecognized descriptor: @never")]
    [InlineData("@every x", "failed to parse duration @every x: time: invalid duration \"x\"")]
    [InlineData("", "empty spec string")]
    public async Task A_job_s_schedule_is_refused_as_the_scheduler_refuses_it(string schedule, string problem) => Assert.Equal(
        (HttpStatusCode.InternalServerError, "DAPR_SCHEDULER_SCHEDULE_JOB",
            $"failed to schedule job due to: rpc error: code = Unknown desc = job failed validation: {problem}"),
        await Post("v1.0-alpha1/jobs/j", JsonSerializer.Serialize(new { schedule })));

    [Fact]
    public async Task A_name_that_no_job_can_have_is_refused_whatever_is_asked()
    {
        const string problem = "rpc error: code = Unknown desc = job name contains forbidden character: \"app||default||app||a/b\"";
        Assert.Equal((HttpStatusCode.InternalServerError, "DAPR_SCHEDULER_GET_JOB", $"failed to get job due to: {problem}"),
            Error(await _test.Get("/v1.0-alpha1/jobs/a%2Fb")));
        Assert.Equal((HttpStatusCode.InternalServerError, "DAPR_SCHEDULER_DELETE_JOB", $"failed to delete job due to: {problem}"),
            Error(await _test.Call(HttpMethod.Delete, "/v1.0-alpha1/jobs/a%2Fb")));
    }

    [Theory]
    [InlineData("timers", """{"dueTime":5}""", "number into Go struct field .createTimerAlias.dueTime of type string")]
    [InlineData("timers", """{"callback":true}""", "bool into Go struct field .createTimerAlias.callback of type string")]
    [InlineData("timers", "1", "number into Go value of type struct { Data json.RawMessage \"json:\\\"data\\\"\"; *api.createTimerAlias }")]
    [InlineData("reminders", """{"PERIOD":[]}""", "array into Go struct field .createReminderAlias.period of type string")]
    [InlineData("reminders", """{"overwrite":"x"}""", "string into Go struct field .createReminderAlias.overwrite of type bool")]
    public async Task A_timer_or_reminder_of_another_kind_is_told_in_the_words_of_Go(string what, string body, string problem) =>
        Assert.Equal(Malformed($"json: cannot unmarshal {problem}"), await Post($"v1.0/actors/Cart/1/{what}/r", body));

    [Theory]
    [InlineData("!", 0)]
    [InlineData("eA=", 3)]
    [InlineData("eA==x", 4)]
    [InlineData("eHh4e", 4)]
    [InlineData("e===", 1)]
    public async Task Bytes_of_a_bulk_publish_that_are_no_base64_are_told_with_their_place(string bytes, int at) => Assert.Equal(
        (HttpStatusCode.BadRequest, "ERR_PUBSUB_EVENTS_SER", "error when marshalling cloud event envelope for topic t pubsub pubsub: "
            + $"error: unable to decode base64 application/octect-stream data: illegal base64 data at input byte {at}"),
        await Post("v1.0/publish/bulk/pubsub/t",
            JsonSerializer.Serialize(new[] { new { entryId = "a", contentType = "application/octet-stream", @event = bytes } })));

    [Fact]
    public async Task A_body_that_is_too_large_could_not_be_read()
    {
        var body = $$"""{"resourceId":"{{new string('x', 4 * 1024 * 1024)}}"}""";
        var refused = (HttpStatusCode.BadRequest, "ERR_BODY_READ", "failed to read request body: stream too large");
        Assert.Equal(refused, await Post("v1.0-alpha1/lock/lk", body));
        Assert.Equal(refused, await Post("v1.0-alpha1/jobs/j", body));
    }

    private static (HttpStatusCode Status, string Code, string Message) Malformed(string problem) =>
        (HttpStatusCode.BadRequest, "ERR_MALFORMED_REQUEST", $"failed deserializing HTTP body: {problem}");

    private async Task<(HttpStatusCode Status, string Code, string Message)> Post(string path, string body) => Error(await _test.Post($"/{path}", body));

    private static (HttpStatusCode Status, string Code, string Message) Error((HttpStatusCode Status, string Body) answer)
    {
        using var json = JsonDocument.Parse(answer.Body);
        return (answer.Status, json.RootElement.GetProperty("errorCode").GetString()!, json.RootElement.GetProperty("message").GetString()!);
    }
}
