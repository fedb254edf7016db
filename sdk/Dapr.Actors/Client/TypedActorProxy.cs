using System.Reflection;

namespace Dapr.Actors.Client;

/// <summary>An actor interface's methods as calls by name; .NET derives from it.</summary>
internal class TypedActorProxy : DispatchProxy
{
    private static readonly MethodInfo WithResult = typeof(TypedActorProxy).GetMethod(nameof(CallForResult), BindingFlags.NonPublic | BindingFlags.Instance)!;

    internal ActorProxy Actor { get; set; } = null!;

    /// <inheritdoc />
    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        var stop = args?.OfType<CancellationToken>().LastOrDefault() ?? default;
        var data = args?.Where(argument => argument is not CancellationToken).ToArray() ?? [];
        if (data.Length > 1)
        {
            throw new NotSupportedException($"{targetMethod!.Name}: an actor method has at most one argument here; see sdk/README.md.");
        }

        return targetMethod!.ReturnType == typeof(Task)
            ? Call(targetMethod.Name, data, stop)
            : WithResult.MakeGenericMethod(targetMethod.ReturnType.GetGenericArguments()[0]).Invoke(this, [targetMethod.Name, data, stop]);
    }

    private async Task Call(string method, object?[] data, CancellationToken stop)
    {
        try
        {
            await (data is [var argument] ? Actor.InvokeMethodAsync(method, argument, stop) : Actor.InvokeMethodAsync(method, stop)).ConfigureAwait(false);
        }
        catch (DaprApiException e)
        {
            throw Failed(e);
        }
    }

    private async Task<T> CallForResult<T>(string method, object?[] data, CancellationToken stop)
    {
        try
        {
            return await (data is [var argument] ? Actor.InvokeMethodAsync<object?, T>(method, argument, stop) : Actor.InvokeMethodAsync<T>(method, stop)).ConfigureAwait(false);
        }
        catch (DaprApiException e)
        {
            throw Failed(e);
        }
    }

    private static ActorMethodInvocationException Failed(DaprApiException e) => new($"Remote Actor Method Exception, DETAILS: {e.Message}", e, e.IsTransient);
}
