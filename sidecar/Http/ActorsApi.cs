using System.Text.Json;
using System.Text.Json.Nodes;
using Lavka.Sidecar.Actors;
using Lavka.Sidecar.Resources;
using Lavka.Sidecar.Scheduling;

namespace Lavka.Sidecar.Http;

/// <summary><c>/v1.0/actors</c> (Dapr: reference/api/actors_api).</summary>
internal sealed class ActorsApi(ActorRuntime actors)
{
    /// <summary>False when this is no actor request.</summary>
    public async ValueTask<bool> TryHandle(ApiRequest request)
    {
        if (request.Segments.Length < 5)
        {
            return false;
        }

        var (type, id, kind) = (request.Segment(2), request.Segment(3), request.Segments[4]);
        try
        {
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
                    actors.AddTimer(type, id, request.Segment(5), await Schedule(request));
                    request.Nothing();
                    return true;
                case ("timers", 6, "DELETE"):
                    actors.RemoveTimer(type, id, request.Segment(5));
                    request.Nothing();
                    return true;
                case ("reminders", 6, "POST" or "PUT"):
                    await actors.AddReminder(type, id, request.Segment(5), await Schedule(request), request.Stop);
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
            throw new ApiException(e.Status, e.ErrorCode, e.Message);
        }
    }

    private async ValueTask Invoke(ApiRequest request, string type, string id, string method)
    {
        HttpResponseMessage response;
        try
        {
            response = await actors.Invoke(type, id, method, await request.Body(), request.Http.Request.Headers, request.Stop);
        }
        catch (Exception e) when (e is HttpRequestException or TimeoutException or BodyTooLargeException or Resiliency.CircuitBreakerException)
        {
            throw new ApiException(500, "ERR_ACTOR_INVOKE_METHOD", $"error invoke actor method: {e.Message}");
        }

        using (response)
        {
            foreach (var (name, values) in response.Headers.NonValidated)
            {
                if (name is not ("Transfer-Encoding" or "Connection"))
                {
                    request.Http.Response.Headers[name] = values.ToArray();
                }
            }

            request.Http.Response.ContentType = response.Content.Headers.ContentType?.ToString();
            var body = await response.Content.ReadAsByteArrayAsync(request.Stop);
            request.Http.Response.ContentLength = body.Length;
            await request.Http.Response.Body.WriteAsync(body, request.Stop);
        }
    }

    private async ValueTask ChangeState(ApiRequest request, string type, string id)
    {
        using var body = await request.Json();
        if (body.RootElement.ValueKind != JsonValueKind.Array)
        {
            throw ApiException.Malformed("failed deserializing HTTP body: it is not a list of operations");
        }

        try
        {
            await actors.ChangeState(type, id, body.RootElement, request.Stop);
        }
        catch (Exception e) when (e is InvalidOperationException or State.ETagMismatchException or Sqlite.SqliteException)
        {
            throw new ApiException(500, "ERR_ACTOR_STATE_TRANSACTION_SAVE", $"error saving actor transaction state: {e.Message}");
        }

        request.Nothing();
    }

    private static async ValueTask<ScheduleRequest> Schedule(ApiRequest request)
    {
        try
        {
            var body = await request.Body();
            return body.Length == 0 ? new() : JsonSerializer.Deserialize(body, ScheduleJson.Default.ScheduleRequest) ?? new();
        }
        catch (Exception e) when (e is JsonException or BodyTooLargeException)
        {
            throw ApiException.Malformed($"failed deserializing HTTP body: {e.Message}");
        }
    }

    private static async ValueTask Answer(ApiRequest request, byte[]? value)
    {
        if (value is null)
        {
            request.Nothing();
        }
        else
        {
            await request.Answer(value);
        }
    }

    private static JsonObject ToJson(Schedule reminder)
    {
        var json = new JsonObject { ["actorID"] = reminder.Id, ["actorType"] = reminder.Type };
        if (reminder.Data is { ValueKind: not JsonValueKind.Undefined } data)
        {
            json["data"] = JsonNode.Parse(data.GetRawText());
        }

        if (reminder.DueTime.Length > 0)
        {
            json["dueTime"] = reminder.DueTime;
        }

        if (reminder.Every > TimeSpan.Zero)
        {
            json["period"] = "@every " + Durations.ToGo(reminder.Every);
        }

        return json;
    }
}
