using System.Diagnostics;
using System.Net.Sockets;
using Lavka.Sidecar.Resources;
using Npgsql;

namespace Lavka.Sidecar.PostgreSql;

/// <summary>
/// A PostgreSQL with its pool of connections. A call fails with the server's name and the reason once its time is over or the server is away, and the next one succeeds
/// as soon as it is back. A call that met a deadlock, or a connection that had died in the pool, is made again where it is certain that nothing was changed.
/// </summary>
internal sealed partial class PostgreSqlDatabase : IAsyncDisposable
{
    private const int Tries = 5;

    // A server that has answered so lately is taken to be there still.
    private const int FreshMilliseconds = 100;

    // How long a server that is there takes to stop what has run out of time.
    private static readonly TimeSpan CancelPatience = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ConnectPause = TimeSpan.FromMilliseconds(200);

    private readonly PostgreSqlOptions _options;
    private readonly ILogger _log;
    private readonly NpgsqlDataSource _source;
    private long _answered = Environment.TickCount64 - FreshMilliseconds;

    public PostgreSqlDatabase(PostgreSqlOptions options, ILogger<PostgreSqlDatabase> log)
    {
        (_options, _log) = (options, log);
        var builder = new NpgsqlDataSourceBuilder(options.Connection.ConnectionString);
        if (options.TlsHost is { } name)
        {
            builder.UseSslClientAuthenticationOptionsCallback(tls => tls.TargetHost = name);
        }

        _source = builder.Build();
    }

    private bool IsFresh => Environment.TickCount64 - Volatile.Read(ref _answered) < FreshMilliseconds;

    /// <summary>Returns when the server takes connections; goes on trying while it is away or starting up.</summary>
    /// <exception cref="IOException">It refuses, or still was not there when there was no more time.</exception>
    public async Task Connect(CancellationToken stop)
    {
        NpgsqlException? last = null;
        try
        {
            while (true)
            {
                try
                {
                    await Patiently(Open(), Timeout.InfiniteTimeSpan, stop);
                    return;
                }
                catch (NpgsqlException e) when (e.IsTransient)
                {
                    if (last is null)
                    {
                        LogWaiting(_options.Where, Reason(e));
                    }

                    last = e;
                }

                await Task.Delay(ConnectPause, stop);
            }
        }
        catch (OperationCanceledException e)
        {
            throw new IOException($"{_options.Where}: {(last is null ? "it does not answer" : Reason(last))} (tried for as long as spec.initTimeout allows)", e);
        }
        catch (NpgsqlException e)
        {
            throw new IOException($"{_options.Where}: {Reason(e)}", e);
        }

        async Task<bool> Open()
        {
            await using var connection = await _source.OpenConnectionAsync(stop);
            return true;
        }
    }

    /// <summary>Asks something, or does what may be done twice.</summary>
    /// <param name="timeout">Null: as the component says.</param>
    /// <exception cref="IOException">The server is away, or refused.</exception>
    /// <exception cref="TimeoutException">The time is over.</exception>
    public ValueTask<T> Ask<T>(Func<NpgsqlConnection, CancellationToken, ValueTask<T>> question, CancellationToken stop, TimeSpan? timeout = null) =>
        Run(attempt => question(attempt.Connection!, attempt.Stop), timeout ?? _options.Timeout, stop);

    /// <summary>Runs all the statements, in their order, or none. False: none, because the outcome is not as it should be.</summary>
    /// <param name="statements">Makes them; more than once if they have to be tried again.</param>
    /// <param name="isRight">Whether what they did is right. A single statement that is not must not have changed anything.</param>
    /// <exception cref="IOException">The server is away, or refused.</exception>
    /// <exception cref="TimeoutException">The time is over.</exception>
    public ValueTask<bool> Change(Func<NpgsqlBatch> statements, Func<NpgsqlBatch, bool> isRight, CancellationToken stop) => Run(async attempt =>
    {
        await using var batch = statements();
        batch.Connection = attempt.Connection;
        if (batch.BatchCommands.Count == 1 && IsFresh)
        {
            attempt.MayHaveChanged = true;
            await batch.ExecuteNonQueryAsync(attempt.Stop);
            return isRight(batch);
        }

        // Nothing can have changed before the commit is sent, so a pooled connection that turns out to be dead does no harm.
        await using var transaction = await attempt.Connection!.BeginTransactionAsync(attempt.Stop);
        batch.Transaction = transaction;
        await batch.ExecuteNonQueryAsync(attempt.Stop);
        if (!isRight(batch))
        {
            await transaction.RollbackAsync(attempt.Stop);
            return false;
        }

        attempt.MayHaveChanged = true;
        await transaction.CommitAsync(attempt.Stop);
        return true;
    }, _options.Timeout, stop);

    public ValueTask DisposeAsync() => _source.DisposeAsync();

    private async ValueTask<T> Run<T>(Func<Attempt, ValueTask<T>> call, TimeSpan timeout, CancellationToken stop)
    {
        var started = Stopwatch.GetTimestamp();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(timeout);
        for (var tries = 1; ; tries++)
        {
            var attempt = new Attempt { Stop = limit.Token };
            try
            {
                var result = await Patiently(Try(call, attempt), timeout + CancelPatience - Stopwatch.GetElapsedTime(started), stop);
                Volatile.Write(ref _answered, Environment.TickCount64);
                return result;
            }
            catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure && tries < Tries)
            {
                LogAgain(_options.Where, e.MessageText);
            }
            catch (NpgsqlException e) when (IsLost(e) && tries == 1 && attempt is { Connection: not null, MayHaveChanged: false })
            {
                _source.Clear();
            }
            catch (NpgsqlException e) when (e.InnerException is TimeoutException)
            {
                throw new TimeoutException($"{_options.Where}: {Reason(e)}", e);
            }
            catch (NpgsqlException e)
            {
                throw new IOException($"{_options.Where}: {Reason(e)}{(attempt.MayHaveChanged && IsLost(e) ? "; it may have made the change before" : "")}", e);
            }
            catch (Exception e) when (e is TimeoutException or OperationCanceledException && !stop.IsCancellationRequested)
            {
                throw new TimeoutException($"{_options.Where}: no answer within {Durations.ToGo(timeout)}", e);
            }
        }
    }

    private async Task<T> Try<T>(Func<Attempt, ValueTask<T>> call, Attempt attempt)
    {
        await using var connection = await _source.OpenConnectionAsync(attempt.Stop);
        attempt.Connection = connection;
        return await call(attempt);
    }

    /// <summary>
    /// Waits no longer than that, which Npgsql would: where the server has taken the connection and is silent, it does not look at the token, or tells the same server to cancel. What
    /// is left behind ends by itself when Npgsql gives up, and changes nothing that its token would have kept it from.
    /// </summary>
    private static async Task<T> Patiently<T>(Task<T> call, TimeSpan most, CancellationToken stop)
    {
        try
        {
            return await call.WaitAsync(most > TimeSpan.Zero || most == Timeout.InfiniteTimeSpan ? most : TimeSpan.Zero, stop);
        }
        catch when (!call.IsCompleted)
        {
            _ = call.ContinueWith(late => late.Exception, TaskScheduler.Default);
            throw;
        }
    }

    private static bool IsLost(NpgsqlException e) => e is PostgresException refused
        ? refused.SqlState is PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown || refused.SqlState.StartsWith("08", StringComparison.Ordinal)
        : e.InnerException is IOException or SocketException;

    private string Reason(NpgsqlException e) => e switch
    {
        PostgresException refused => refused.MessageText,
        { InnerException: TimeoutException } => $"no connection within {_options.Connection.Timeout}s",
        { InnerException: IOException } => "the connection was lost",
        _ => e.GetBaseException().Message,
    };

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Where} is waited for: {Reason}")]
    private partial void LogWaiting(string where, string reason);

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Where}: a change is tried again: {Reason}")]
    private partial void LogAgain(string where, string reason);

    /// <summary>One try of a call.</summary>
    private sealed class Attempt
    {
        /// <summary>Null: there was none to be had.</summary>
        public NpgsqlConnection? Connection { get; set; }

        /// <summary>False: it is certain that nothing was changed.</summary>
        public bool MayHaveChanged { get; set; }

        public CancellationToken Stop { get; init; }
    }
}
