using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lavka.Sidecar.Http;
using Lavka.Sidecar.Scheduling;
using Lavka.Sidecar.State;

namespace Lavka.Sidecar.Actors;

/// <summary>Its timers and reminders: who fires them, and what becomes of them while instances of the app come and go.</summary>
internal sealed partial class ActorRuntime
{
    /// <summary>Instances of the app have come or gone: takes up the reminders of the actors that live here now, lets go of the others. Tries until it can; one that waits is enough for all who ask.</summary>
    public async Task FollowPlacement()
    {
        if (_store is null || _types.Count == 0 || Interlocked.Exchange(ref _willPlace, 1) == 1)
        {
            return;
        }

        try
        {
            await _placing.WaitAsync(_stop.Token);
            try
            {
                while (!await TryPlace())
                {
                    await Task.Delay(RetryPause, _options.Time, _stop.Token);
                }
            }
            finally
            {
                _placing.Release();
            }
        }
        catch (OperationCanceledException)
        {
            // The sidecar ends.
        }
    }

    private async Task<bool> TryPlace()
    {
        Volatile.Write(ref _willPlace, 0);
        try
        {
            await TakeUpReminders(fromStart: false, _stop.Token);
            return true;
        }
        catch (Exception e) when (!_stop.IsCancellationRequested)
        {
            LogNotPlaced(e.Message);
            return false;
        }
        catch (Exception)
        {
            // The sidecar ends, and its store.
            return true;
        }
    }

    private async Task TakeUpReminders(bool fromStart, CancellationToken stop)
    {
        foreach (var (key, value) in await Store.Scan(ReminderPrefix, stop))
        {
            if (Read(key, value) is not { } reminder || !_types.ContainsKey(reminder.Type))
            {
                continue;
            }

            if (IsHere(reminder.Type, reminder.Id))
            {
                // What others may have fired or removed since it was read is looked at again before it fires.
                _reminders.Add(reminder with { MayBeOld = !fromStart }, onlyIfNew: true);
            }
            else
            {
                _reminders.Remove(reminder.Type, reminder.Id, reminder.Name);
            }
        }
    }

    /// <summary>Null: it does not read, which is logged.</summary>
    private Schedule? Read(string key, byte[] value)
    {
        try
        {
            return JsonSerializer.Deserialize(value, ScheduleJson.Default.Schedule);
        }
        catch (JsonException e)
        {
            LogNotRead(key, e.Message);
            return null;
        }
    }

    public void AddTimer(string type, string id, string name, ScheduleRequest request)
    {
        CheckPlacement();
        ActorNames.Check(name);
        if (!Hosts(type))
        {
            throw new ActorException("ERR_ACTOR_TIMER_CREATE", $"error creating actor timer: can't create timer for actor {type}||{id}: actor type not registered");
        }

        try
        {
            _timers.Add(Schedule.Timer(type, id, name, request, _options.Time.GetUtcNow()));
        }
        catch (FormatException e)
        {
            throw new ActorException("ERR_ACTOR_TIMER_CREATE", $"error creating actor timer: {e.Message}");
        }
    }

    public void RemoveTimer(string type, string id, string name)
    {
        CheckPlacement();
        _timers.Remove(type, id, name);
    }

    /// <summary>Completes when the reminder is in the state store.</summary>
    public async Task AddReminder(string type, string id, string name, ScheduleRequest request, CancellationToken stop)
    {
        CheckPlacement();
        ActorNames.Check(name);
        CheckHosted(type);
        Schedule reminder;
        try
        {
            if ((ActorNames.Problem(type) ?? ActorNames.Problem(id)) is not null)
            {
                var where = string.IsNullOrEmpty(_options.Namespace) ? "default" : _options.Namespace;
                throw new FormatException($"rpc error: code = Unknown desc = job name contains forbidden character: \"actorreminder||{where}||{type}||{id}||{name}\"");
            }

            reminder = Schedule.Reminder(type, id, name, request, _options.Time.GetUtcNow());
        }
        catch (FormatException e)
        {
            throw new ActorException("ERR_ACTOR_REMINDER_CREATE", $"error creating actor reminder: {e.Message}");
        }

        try
        {
            await Store.Apply([Save(reminder) with { FirstWrite = request.Overwrite == false }], stop);
        }
        catch (ETagMismatchException)
        {
            throw new ActorException("ERR_ACTOR_REMINDER_ALREADY_EXISTS", $"actor reminder already exists: {name}", 409) { Code = global::Grpc.Core.StatusCode.AlreadyExists };
        }

        (_sidecar.Mesh.HostOf(type, id)?.Actors ?? this)._reminders.Add(reminder);
    }

    public async Task RemoveReminder(string type, string id, string name, CancellationToken stop)
    {
        CheckHosted(type);
        await Store.Apply([new(ReminderKey(type, id, name), null)], stop);
        (_sidecar.Mesh.HostOf(type, id)?.Actors ?? this)._reminders.Remove(type, id, name);
    }

    /// <summary>Removes the reminders of an actor, or of all actors of a type.</summary>
    public async Task RemoveReminders(string type, string? id, CancellationToken stop)
    {
        foreach (var reminder in await ListReminders(type, id, stop))
        {
            await RemoveReminder(type, reminder.Id, reminder.Name, stop);
        }
    }

    public async Task<Schedule> GetReminder(string type, string id, string name, CancellationToken stop)
    {
        CheckHosted(type);
        return (await Store.Get([ReminderKey(type, id, name)], stop))[0] is { } item
            ? JsonSerializer.Deserialize(item.Value, ScheduleJson.Default.Schedule)!
            : throw new ActorException("ERR_ACTOR_REMINDER_NOT_FOUND", $"actor reminder not found: {name}", 404);
    }

    /// <summary>The reminders of an actor, or of all actors of a type.</summary>
    public async Task<IReadOnlyList<Schedule>> ListReminders(string type, string? id, CancellationToken stop)
    {
        CheckHosted(type);
        var found = await Store.Scan($"{ReminderPrefix}{type}||", stop);
        return [.. found.Select(pair => Read(pair.Key, pair.Value)).OfType<Schedule>().Where(reminder => reminder.Type == type && (id is null || reminder.Id == id))];
    }

    /// <summary>When a reminder ends, as Dapr tells it: only where that was given as a time of day. Null: it does not tell.</summary>
    public static string? ExpiryOf(Schedule reminder) =>
        reminder.Expires is { } expires && reminder.Ttl.Contains('T', StringComparison.Ordinal) && !reminder.Ttl.StartsWith('P')
            ? expires.ToString("yyyy-MM-dd'T'HH:mm:ssK", CultureInfo.InvariantCulture).Replace("+00:00", "Z", StringComparison.Ordinal)
            : null;

    private string ReminderPrefix => $"{_options.AppId}||$reminders||";

    private string ReminderKey(string type, string id, string name) => $"{ReminderPrefix}{type}||{id}||{name}";

    private StateOperation Save(Schedule reminder) =>
        new(ReminderKey(reminder.Type, reminder.Id, reminder.Name), JsonSerializer.SerializeToUtf8Bytes(reminder, ScheduleJson.Default.Schedule));

    private void CheckHosted(string type)
    {
        CheckPlacement();
        if (!Hosts(type))
        {
            throw new ActorException("ERR_ACTOR_REMINDER_NON_HOSTED", "operations on actor reminders are only possible on hosted actor types", 403);
        }
    }

    /// <summary>Whether an actor's answer ends its timer or reminder.</summary>
    private static bool Cancels(HttpResponseMessage response) => response.Headers.TryGetValues("X-Daprremindercancel", out var values) && values.First() == "true";

    private async Task<Schedule?> FireTimer(Schedule timer, CancellationToken stop)
    {
        if (timer.Expires <= timer.Next)
        {
            return null;
        }

        var body = Body(timer);
        body["callback"] = timer.Callback ?? "";
        body["dueTime"] = timer.DueTime;
        body["period"] = timer.Period;
        var succeeded = false;
        try
        {
            using var response = await InvokeHere(timer.Type, timer.Id, $"method/timer/{GoPath.Escape(timer.Name)}", Encoding.UTF8.GetBytes(body.ToJsonString()), null, null, _policies.Actor(timer.Type, timer.Id).Timeout, stop);
            succeeded = true;
            if (response is null || Cancels(response))
            {
                return null;
            }
        }
        catch (Exception e) when (e is ActorException or HttpRequestException or TimeoutException)
        {
            LogNotFired("Timer", timer.Name, timer.Type, timer.Id, e.Message);
        }
        finally
        {
            _telemetry.Metrics?.TimerFired(timer.Type, succeeded);
        }

        return timer.Fired(_options.Time.GetUtcNow());
    }

    private async Task<Schedule?> FireReminder(Schedule reminder, CancellationToken stop)
    {
        if (reminder.Expires < reminder.Next)
        {
            await Store.Apply([new(ReminderKey(reminder.Type, reminder.Id, reminder.Name), null)], stop);
            return null;
        }

        for (var tries = 1; ; tries++)
        {
            try
            {
                return await TryFire(reminder, isLast: tries > FailurePolicy.Default.MaxRetries, stop);
            }
            catch (Exception e) when (e is ActorException or TimeoutException)
            {
                LogNotFired("Reminder", reminder.Name, reminder.Type, reminder.Id, e.Message);
            }
            catch (Exception e) when (e is HttpRequestException || (e is OperationCanceledException && !stop.IsCancellationRequested))
            {
                // The app is away: a reminder waits for it.
                LogNotFired("Reminder", reminder.Name, reminder.Type, reminder.Id, e.Message);
            }

            await Task.Delay(FailurePolicy.Default.Pause, _options.Time, stop);
        }
    }

    /// <summary>Fires a reminder and answers how it goes on, which is in the store before the turn ends: the actor's next host sees it there.</summary>
    private async Task<Schedule?> TryFire(Schedule reminder, bool isLast, CancellationToken stop)
    {
        using var turn = await TakeTurnHere(reminder.Type, reminder.Id, null, stop);
        if (turn is null)
        {
            // Not dropped: the actor may be back before its new host has taken it up. Following the placement drops it.
            return reminder with { Next = _options.Time.GetUtcNow() + RetryPause, MayBeOld = true };
        }

        var current = reminder;
        StateItem? item = null;
        if (reminder.MayBeOld || !IsAlone)
        {
            item = await Kept(reminder, stop);
            if (item is null || Read(reminder.Name, item.Value) is not { } kept)
            {
                return null;
            }

            if (kept.Next > _options.Time.GetUtcNow())
            {
                return kept;
            }

            current = kept;
        }

        var (succeeded, cancelled) = (false, false);
        try
        {
            var body = Body(current);
            body["dueTime"] = "";
            body["period"] = "";
            using var response = await Call(turn, reminder.Type, reminder.Id, $"method/remind/{GoPath.Escape(reminder.Name)}", Encoding.UTF8.GetBytes(body.ToJsonString()), null, null,
                _policies.Actor(reminder.Type, reminder.Id).Timeout, stop);
            (succeeded, cancelled) = (true, Cancels(response));
        }
        catch (Exception e) when (isLast && e is ActorException or TimeoutException)
        {
            LogNotFired("Reminder", reminder.Name, reminder.Type, reminder.Id, e.Message);
        }

        _telemetry.Metrics?.ReminderFired(reminder.Type, succeeded);
        var next = cancelled ? null : current.Fired(_options.Time.GetUtcNow());
        if (item is null && !_reminders.Holds(reminder))
        {
            if (IsAlone || await Kept(reminder, stop) is not { } left || Read(reminder.Name, left.Value)?.Next > reminder.Next)
            {
                // Its own callback has removed or replaced it; what is in the store is that.
                return next;
            }

            // An instance has come meanwhile, and the reminder is that one's from now on.
            item = left;
        }

        var key = ReminderKey(reminder.Type, reminder.Id, reminder.Name);
        try
        {
            await Store.Apply([(next is null ? new(key, null) : Save(next)) with { ETag = item?.ETag }], stop);
        }
        catch (ETagMismatchException)
        {
            // Removed or replaced meanwhile, maybe at another instance.
            return await Kept(reminder, stop) is { } kept ? Read(reminder.Name, kept.Value) : null;
        }

        return next;
    }

    private bool IsAlone => !_sidecar.Mesh.Of(_options.AppId).Skip(1).Any();

    private async Task<StateItem?> Kept(Schedule reminder, CancellationToken stop) => (await Store.Get([ReminderKey(reminder.Type, reminder.Id, reminder.Name)], stop))[0];

    private static JsonObject Body(Schedule schedule) => schedule.Data.ValueKind == JsonValueKind.Undefined
        ? []
        : new() { ["data"] = JsonNode.Parse(schedule.Data.GetRawText()) };

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Kind} '{Name}' of actor {Type}/{Id} failed: {Problem}")]
    private partial void LogNotFired(string kind, string name, string type, string id, string problem);

    [LoggerMessage(Level = LogLevel.Error, Message = "Reminders could not be read after instances of the app came or went, trying again: {Problem}")]
    private partial void LogNotPlaced(string problem);

    [LoggerMessage(Level = LogLevel.Error, Message = "Reminder '{Key}' in the actor state store does not read, and does not fire: {Problem}")]
    private partial void LogNotRead(string key, string problem);
}
