using System.Text.Json;
using System.Text.Json.Nodes;
using Lavka.Sidecar.Actors;
using Lavka.Sidecar.PubSub;
using Lavka.Sidecar.Resources;
using Lavka.Sidecar.Scheduling;
using Lavka.Sidecar.State;

namespace Lavka.Sidecar.Http;

/// <summary><c>/v1.0/actors</c> (Dapr: reference/api/actors_api).</summary>
internal sealed class ActorsApi(ActorRuntime actors)
{
    private static readonly ScheduleKind Timers = new(
        GoMember.Of(".createTimerAlias"), """struct { Data json.RawMessage "json:\"data\""; *api.createTimerAlias }""");

    private static readonly ScheduleKind Reminders = new(
        GoMember.Of(".createReminderAlias"),
        """struct { Data json.RawMessage "json:\"data\""; FailurePolicy *common.JobFailurePolicy "json:\"failure_policy,omitempty\""; *api.createReminderAlias }""");

    /// <summary>False when this is no actor request.</summary>
    public async ValueTask<bool> TryHandle(ApiRequest request)
    {
        if (request.Segments.Length < 5)
        {
            return false;
        }

        var (type, id, kind) = (request.Segment(2), request.Segment(3), request.Segments[4]);
        if (request.Segments.Length > 6 || kind is not ("method" or "state" or "timers" or "reminders"))
        {
            return false;
        }

        try
        {
            ActorNames.CheckActor(type, id);
            switch (kind, request.Segments.Length, request.Method)
            {
                case ("method", 6, "GET" or "POST" or "PUT" or "DELETE"):
                    await Invoke(request, type, id, request.Segment(5));
                    return true;
                case ("state", 5, "POST" or "PUT"):
                    await ChangeState(request, type, id);
                    return true;
                case ("state", 6, "GET"):
                    await Answer(request, await actors.GetState(type, id, request.Segment(5), request.Stop));
                    return true;
                case ("timers", 6, "POST" or "PUT"):
                    var timer = await Schedule(request, Timers);
                    actors.AddTimer(type, id, request.Segment(5), timer);
                    request.Nothing();
                    return true;
                case ("timers", 6, "DELETE"):
                    actors.RemoveTimer(type, id, request.Segment(5));
                    request.Nothing();
                    return true;
                case ("reminders", 6, "POST" or "PUT"):
                    var reminder = await Schedule(request, Reminders);
                    await actors.AddReminder(type, id, request.Segment(5), reminder, request.Stop);
                    request.Nothing();
                    return true;
                case ("reminders", 6, "DELETE"):
                    await actors.RemoveReminder(type, id, request.Segment(5), request.Stop);
                    request.Nothing();
                    return true;
                case ("reminders", 6, "GET"):
                    await request.Answer(ToJson(await actors.GetReminder(type, id, request.Segment(5), request.Stop)));
                    return true;
                default:
                    return false;
            }
        }
        catch (ActorException e)
        {
            throw e.ToApi();
        }
    }

    private async ValueTask Invoke(ApiRequest request, string type, string id, string method)
    {
        if (method.AsSpan().ContainsAny('#', '?'))
        {
            throw new ApiException(400, "ERR_BAD_REQUEST", $"invalid request: method contains forbidden character: \"{method}\"");
        }

        byte[] body;
        try
        {
            body = await request.Body();
        }
        catch (BodyTooLargeException e)
        {
            throw new ApiException(400, "ERR_BAD_REQUEST", $"invalid request: {e.Message}");
        }

        using var response = await actors.Invoke(type, id, GoPath.Escape(method) + request.Http.Request.QueryString, body, request.Http.Request.Headers, request.Trace, request.Stop);
        foreach (var (name, values) in response.Headers.NonValidated.Concat(response.Content.Headers.NonValidated))
        {
            if (name is not ("Transfer-Encoding" or "Connection" or "Content-Length"))
            {
                request.Http.Response.Headers[name] = values.ToArray();
            }
        }

        request.Http.Response.ContentType ??= "application/json";
        var answer = await response.Content.ReadAsByteArrayAsync(request.Stop);
        request.Http.Response.ContentLength = answer.Length;
        await request.Http.Response.Body.WriteAsync(answer, request.Stop);
    }

    private async ValueTask ChangeState(ApiRequest request, string type, string id)
    {
        using var body = await request.Json();
        if (body.RootElement.ValueKind is not (JsonValueKind.Array or JsonValueKind.Null) ||
            (body.RootElement.ValueKind == JsonValueKind.Array && body.RootElement.EnumerateArray().Any(item => item.ValueKind != JsonValueKind.Object)))
        {
            throw ApiException.Malformed("failed deserializing HTTP body: it is not a list of operations");
        }

        await actors.ChangeState(type, id, body.RootElement.ValueKind == JsonValueKind.Array ? ActorStateBody.Operations(body.RootElement) : [], request.Stop);
        request.Nothing();
    }

    private static async ValueTask<ScheduleRequest> Schedule(ApiRequest request, ScheduleKind kind)
    {
        using var body = await request.Json();
        var schedule = new ScheduleRequest();
        foreach (var member in GoMember.Members(body.RootElement, "", kind.GoType, kind.Wrong))
        {
            if (GoMember.Is(member, "dueTime"u8))
            {
                schedule = schedule with { DueTime = GoMember.Text(member.Value, "dueTime", kind.Wrong) };
            }
            else if (GoMember.Is(member, "period"u8))
            {
                schedule = schedule with { Period = GoMember.Text(member.Value, "period", kind.Wrong) };
            }
            else if (GoMember.Is(member, "ttl"u8))
            {
                schedule = schedule with { Ttl = GoMember.Text(member.Value, "ttl", kind.Wrong) };
            }
            else if (GoMember.Is(member, "data"u8))
            {
                schedule = schedule with { Data = member.Value.Clone() };
            }
            else if (kind == Timers && GoMember.Is(member, "callback"u8))
            {
                schedule = schedule with { Callback = GoMember.Text(member.Value, "callback", kind.Wrong) };
            }
            else if (kind == Reminders && GoMember.Is(member, "overwrite"u8))
            {
                schedule = schedule with { Overwrite = GoMember.Flag(member.Value, "overwrite", kind.Wrong) };
            }
        }

        return schedule;
    }

    private static async ValueTask Answer(ApiRequest request, StateItem? item)
    {
        if (item is null)
        {
            request.Nothing();
            return;
        }

        if (item.Expires is { } expires)
        {
            request.Http.Response.Headers["metadata.ttlExpireTime"] = CloudEvents.Rfc3339(expires);
        }

        await request.Answer(item.Value);
    }

    private static JsonObject ToJson(Schedule reminder)
    {
        var json = new JsonObject { ["actorID"] = reminder.Id, ["actorType"] = reminder.Type };
        if (reminder.Data.ValueKind != JsonValueKind.Undefined)
        {
            json["data"] = JsonNode.Parse(reminder.Data.GetRawText());
        }

        if (reminder.DueTime.Length > 0)
        {
            json["dueTime"] = reminder.DueTime;
        }

        if (reminder.Period.Length > 0)
        {
            json["period"] = "@every " + Durations.ToGo(reminder.Every);
        }

        if (ActorRuntime.ExpiryOf(reminder) is { } expiry)
        {
            json["ttl"] = expiry;
        }

        return json;
    }

    /// <summary>Timers or reminders: what is said of a body that is none.</summary>
    private sealed record ScheduleKind(WrongKind Wrong, string GoType);
}
