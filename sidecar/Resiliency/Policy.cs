namespace Lavka.Sidecar.Resiliency;

/// <summary>How one try ended.</summary>
/// <param name="Value">What it answered; a failed one may have an answer too.</param>
/// <param name="Failed">Whether to try again.</param>
/// <param name="StatusCode">The HTTP or gRPC status of the failure, if it has one.</param>
internal readonly record struct Attempt<T>(T Value, bool Failed = false, int? StatusCode = null);

/// <summary>
/// What a target's calls go through: retries around a circuit breaker around a time limit for each try (Dapr: operations/resiliency/policies).
/// </summary>
internal sealed record Policy(TimeSpan? Timeout, RetrySpec? Retry, CircuitBreaker? Breaker, TimeProvider Time)
{
    /// <summary>One try, for targets without a policy.</summary>
    public static Policy None { get; } = new(null, null, null, TimeProvider.System);

    /// <summary>Runs the call. The last try's answer is the answer, its exception the exception.</summary>
    public ValueTask<T> Run<T>(Func<CancellationToken, ValueTask<Attempt<T>>> call, CancellationToken stop) =>
        ReferenceEquals(this, None) ? Once(call, stop) : Retried(call, stop);

    /// <summary>Runs a call that fails by exceptions alone.</summary>
    public ValueTask<T> RunOrThrow<T>(Func<CancellationToken, ValueTask<T>> call, CancellationToken stop) =>
        ReferenceEquals(this, None) ? call(stop) : Retried(async token => new Attempt<T>(await call(token)), stop);

    private static async ValueTask<T> Once<T>(Func<CancellationToken, ValueTask<Attempt<T>>> call, CancellationToken stop) => (await call(stop)).Value;

    private async ValueTask<T> Retried<T>(Func<CancellationToken, ValueTask<Attempt<T>>> call, CancellationToken stop)
    {
        var started = Time.GetTimestamp();
        for (var retry = 1; ; retry++)
        {
            TimeSpan? pause;
            try
            {
                var attempt = await Guarded(call, stop);
                if (!attempt.Failed || Retry is null || !Retry.Matches(attempt.StatusCode))
                {
                    return attempt.Value;
                }

                pause = Retry.Pause(retry, Time.GetElapsedTime(started));
                if (pause is null)
                {
                    return attempt.Value;
                }

                (attempt.Value as IDisposable)?.Dispose();
            }
            catch (Exception e) when (Retry is not null && !stop.IsCancellationRequested && IsTransient(e))
            {
                pause = Retry.Pause(retry, Time.GetElapsedTime(started));
                if (pause is null)
                {
                    throw;
                }
            }

            await Task.Delay(pause.Value, Time, stop);
        }
    }

    private async ValueTask<Attempt<T>> Guarded<T>(Func<CancellationToken, ValueTask<Attempt<T>>> call, CancellationToken stop)
    {
        if (Breaker is null)
        {
            return await Limited(call, stop);
        }

        var ticket = Breaker.Enter();
        var succeeded = false;
        try
        {
            var attempt = await Limited(call, stop);
            succeeded = !attempt.Failed;
            return attempt;
        }
        finally
        {
            Breaker.Report(ticket, succeeded);
        }
    }

    private async ValueTask<Attempt<T>> Limited<T>(Func<CancellationToken, ValueTask<Attempt<T>>> call, CancellationToken stop)
    {
        if (Timeout is not { } limit)
        {
            return await call(stop);
        }

        using var timer = new CancellationTokenSource(limit, Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, timer.Token);
        try
        {
            return await call(either.Token);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested && timer.IsCancellationRequested)
        {
            throw new TimeoutException("context deadline exceeded");
        }
    }

    // An open breaker ends the retries; a state conflict is an answer.
    private static bool IsTransient(Exception e) => e is not (CircuitBreakerException or State.ETagMismatchException or State.InvalidETagException or ApiException);
}
