using System.Text;
using System.Text.Json;
using Dapr.Client.Autogen.Grpc.v1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Lavka.Sidecar.Actors;
using Lavka.Sidecar.Http;
using Lavka.Sidecar.PubSub;
using Lavka.Sidecar.Resources;
using Lavka.Sidecar.Scheduling;
using ActorRuntime = Lavka.Sidecar.Actors.ActorRuntime;

namespace Lavka.Sidecar.Grpc;

/// <summary>The actor calls of Dapr's gRPC API (Dapr: reference/api/actors_api).</summary>
internal sealed class ActorCalls(ActorRuntime actors)
{
    private static readonly Empty Nothing = new();

    public void AddTo(GrpcMethods methods)
    {
        Add<InvokeActorRequest, InvokeActorResponse>(nameof(InvokeActor), InvokeActor);
        Add<GetActorStateRequest, GetActorStateResponse>(nameof(GetActorState), GetActorState);
        Add<ExecuteActorStateTransactionRequest, Empty>(nameof(ExecuteActorStateTransaction), ExecuteActorStateTransaction);
        Add<RegisterActorTimerRequest, Empty>(nameof(RegisterActorTimer), RegisterActorTimer);
        Add<UnregisterActorTimerRequest, Empty>(nameof(UnregisterActorTimer), UnregisterActorTimer);
        Add<RegisterActorReminderRequest, Empty>(nameof(RegisterActorReminder), RegisterActorReminder);
        Add<UnregisterActorReminderRequest, Empty>(nameof(UnregisterActorReminder), UnregisterActorReminder);
        Add<UnregisterActorRemindersByTypeRequest, UnregisterActorRemindersByTypeResponse>(nameof(UnregisterActorRemindersByType), UnregisterActorRemindersByType);
        Add<GetActorReminderRequest, GetActorReminderResponse>(nameof(GetActorReminder), GetActorReminder);
        Add<ListActorRemindersRequest, ListActorRemindersResponse>(nameof(ListActorReminders), ListActorReminders);

        void Add<TRequest, TResponse>(string name, Func<TRequest, GrpcCall, Task<TResponse>> call)
            where TRequest : class, IMessage<TRequest>, new()
            where TResponse : class, IMessage<TResponse>, new() => methods.Unary<TRequest, TResponse>("actors", async (request, grpc) =>
            {
                try
                {
                    return await call(request, grpc);
                }
                catch (ActorException e)
                {
                    throw e.ToApi();
                }
            }, name);
    }

    private async Task<InvokeActorResponse> InvokeActor(InvokeActorRequest request, GrpcCall call)
    {
        if (request.Method.AsSpan().ContainsAny("#?\0") || request.Method.Any(char.IsControl))
        {
            throw new ActorException("ERR_BAD_REQUEST", $"invalid actor method: method contains forbidden character: \"{request.Method}\"", 400);
        }

        var headers = new HeaderDictionary { ["traceparent"] = call.Trace.TraceParent };
        foreach (var (name, value) in request.Metadata.Where(pair => !pair.Key.Equals("content-type", StringComparison.OrdinalIgnoreCase)))
        {
            headers[name] = value;
        }

        var method = GoPath.Escape(GoPath.Clean('/' + request.Method)[1..]);
        using var response = await actors.Invoke(request.ActorType, request.ActorId, method, request.Data.ToByteArray(), headers, call.Trace.Span, call.Stop);
        return new() { Data = UnsafeByteOperations.UnsafeWrap(await response.Content.ReadAsByteArrayAsync(call.Stop)) };
    }

    private async Task<GetActorStateResponse> GetActorState(GetActorStateRequest request, GrpcCall call)
    {
        if (await actors.GetState(request.ActorType, request.ActorId, request.Key, call.Stop) is not { } item)
        {
            return new();
        }

        var response = new GetActorStateResponse { Data = UnsafeByteOperations.UnsafeWrap(item.Value) };
        if (item.Expires is { } expires)
        {
            response.Metadata["ttlExpireTime"] = CloudEvents.Rfc3339(expires);
        }

        return response;
    }

    private async Task<Empty> ExecuteActorStateTransaction(ExecuteActorStateTransactionRequest request, GrpcCall call)
    {
        var operations = request.Operations.Select(Read).ToList();
        await actors.ChangeState(request.ActorType, request.ActorId, operations, call.Stop);
        return Nothing;
    }

    private Task<Empty> RegisterActorTimer(RegisterActorTimerRequest request, GrpcCall call)
    {
        actors.AddTimer(request.ActorType, request.ActorId, request.Name, new()
        {
            DueTime = request.DueTime,
            Period = request.Period,
            Ttl = request.Ttl,
            Callback = request.Callback,
            Data = Json(request.Data),
        });
        return Task.FromResult(Nothing);
    }

    private Task<Empty> UnregisterActorTimer(UnregisterActorTimerRequest request, GrpcCall call)
    {
        actors.RemoveTimer(request.ActorType, request.ActorId, request.Name);
        return Task.FromResult(Nothing);
    }

    private async Task<Empty> RegisterActorReminder(RegisterActorReminderRequest request, GrpcCall call)
    {
        await actors.AddReminder(request.ActorType, request.ActorId, request.Name, new()
        {
            DueTime = request.DueTime,
            Period = request.Period,
            Ttl = request.Ttl,
            Data = Json(request.Data),
            Overwrite = request.HasOverwrite ? request.Overwrite : null,
        }, call.Stop);
        return Nothing;
    }

    private async Task<Empty> UnregisterActorReminder(UnregisterActorReminderRequest request, GrpcCall call)
    {
        await actors.RemoveReminder(request.ActorType, request.ActorId, request.Name, call.Stop);
        return Nothing;
    }

    private async Task<UnregisterActorRemindersByTypeResponse> UnregisterActorRemindersByType(UnregisterActorRemindersByTypeRequest request, GrpcCall call)
    {
        await actors.RemoveReminders(request.ActorType, request.HasActorId ? request.ActorId : null, call.Stop);
        return new();
    }

    private async Task<GetActorReminderResponse> GetActorReminder(GetActorReminderRequest request, GrpcCall call)
    {
        var reminder = ToMessage(await actors.GetReminder(request.ActorType, request.ActorId, request.Name, call.Stop));
        var response = new GetActorReminderResponse { ActorType = reminder.ActorType, ActorId = reminder.ActorId, Data = reminder.Data };
        if (reminder.HasDueTime)
        {
            response.DueTime = reminder.DueTime;
        }

        if (reminder.HasPeriod)
        {
            response.Period = reminder.Period;
        }

        if (reminder.HasTtl)
        {
            response.Ttl = reminder.Ttl;
        }

        return response;
    }

    private async Task<ListActorRemindersResponse> ListActorReminders(ListActorRemindersRequest request, GrpcCall call)
    {
        // As in daprd an empty id is as good as none.
        var reminders = await actors.ListReminders(request.ActorType, request.ActorId.Length > 0 ? request.ActorId : null, call.Stop);
        var response = new ListActorRemindersResponse();
        response.Reminders.AddRange(reminders.Select(reminder => new NamedActorReminder { Name = reminder.Name, Reminder = ToMessage(reminder) }));
        return response;
    }

    private static ActorStateOperation Read(TransactionalActorStateOperation operation) => operation.OperationType is "upsert" or "delete"
        ? new(operation.OperationType, operation.Key)
        {
            Value = operation.Value?.Value.ToByteArray() ?? [],
            Ttl = operation.Metadata.GetValueOrDefault("ttlInSeconds"),
        }
        : throw new ApiException(500, "ERR_NOT_SUPPORTED_STATE_OPERATION", $"operation type {operation.OperationType} not supported") { Code = StatusCode.Unimplemented };

    private static ActorReminder ToMessage(Schedule reminder)
    {
        var message = new ActorReminder { ActorType = reminder.Type, ActorId = reminder.Id };
        if (reminder.DueTime.Length > 0)
        {
            message.DueTime = reminder.DueTime;
        }

        if (reminder.Period.Length > 0)
        {
            message.Period = "@every " + Durations.ToGo(reminder.Every);
        }

        if (ActorRuntime.ExpiryOf(reminder) is { } expiry)
        {
            message.Ttl = expiry;
        }

        if (reminder.Data.ValueKind != JsonValueKind.Undefined)
        {
            message.Data = Any.Pack(new BytesValue { Value = ByteString.CopyFrom(reminder.Data.GetRawText(), Encoding.UTF8) });
        }

        return message;
    }

    // What comes as bytes reaches the app as JSON: the text of their base64.
    private static JsonElement Json(ByteString data) => data.IsEmpty ? default : JsonSerializer.SerializeToElement(data.ToBase64());
}
