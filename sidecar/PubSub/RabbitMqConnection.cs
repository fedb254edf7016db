using System.Collections.Concurrent;
using System.Security.Authentication;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;

namespace Lavka.Sidecar.PubSub;

/// <summary>The connection to RabbitMQ, made again whenever it breaks. What was on it, channels and consumers, is gone with it: nobody can acknowledge on a new one what came on an old one.</summary>
internal sealed partial class RabbitMqConnection : IAsyncDisposable
{
    /// <summary>How long RabbitMQ may take to answer, a publish with its confirmation included. It is milliseconds; a disk that others keep busy makes it more.</summary>
    public static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan LeastPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan MostStartPause = TimeSpan.FromMilliseconds(500);

    // Who says good-bye into a partition gets no answer.
    private static readonly TimeSpan ClosePatience = TimeSpan.FromSeconds(1);

    private readonly RabbitMqOptions _options;
    private readonly ILogger _log;
    private readonly ConnectionFactory _factory;
    private readonly ConcurrentDictionary<string, IConnection> _exchanges = new();
    private readonly SemaphoreSlim _declaring = new(1);
    private readonly CancellationTokenSource _stop = new();
    private volatile TaskCompletionSource<IConnection> _open = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _keeping = Task.CompletedTask;

    public RabbitMqConnection(RabbitMqOptions options, ILogger log)
    {
        (_options, _log) = (options, log);
        _factory = new()
        {
            Uri = options.Address,
            ClientProvidedName = options.ClientName,
            RequestedHeartbeat = options.Heartbeat,
            RequestedConnectionTimeout = AnswerTimeout,
            HandshakeContinuationTimeout = AnswerTimeout,
            ContinuationTimeout = AnswerTimeout,
            AutomaticRecoveryEnabled = false,
        };
        if (options.Address.Scheme == "amqps")
        {
            _factory.Ssl = new(options.Address.Host, enabled: true)
            {
                CertificateValidationCallback = (_, certificate, _, errors) => options.Tls.IsTrusted(certificate, errors),
                Certs = options.Tls.Client is { } client ? [client] : null,
            };
        }
    }

    /// <summary>RabbitMQ's host and port.</summary>
    public string Address => $"{_factory.HostName}:{_factory.Endpoint.Port}";

    /// <summary>Why there is no connection, or why nothing moves on it; null: all is well.</summary>
    public string? Problem { get; private set; }

    /// <summary>Completes when there is a connection.</summary>
    /// <exception cref="IOException">RabbitMQ refuses us, or has not answered until told to stop.</exception>
    public async Task Start(CancellationToken stop)
    {
        while (true)
        {
            try
            {
                _keeping = Keep(await Connect(stop));
                return;
            }
            catch (IOException e) when (e is not RefusedException && !stop.IsCancellationRequested)
            {
                Problem = e.Message;
                await Task.Delay(_options.ReconnectWait < MostStartPause ? Pause : MostStartPause, stop).ContinueWith(_ => { }, TaskScheduler.Default);
            }
            catch (OperationCanceledException)
            {
                throw new IOException(Problem ?? $"RabbitMQ at {Address} does not answer");
            }
        }
    }

    /// <summary>The connection, as soon as there is one, with the topic's exchange.</summary>
    public async Task<IConnection> Get(string topic, CancellationToken stop)
    {
        var connection = await _open.Task.WaitAsync(stop);
        if (_exchanges.GetValueOrDefault(topic) == connection)
        {
            return connection;
        }

        await _declaring.WaitAsync(stop);
        try
        {
            if (_exchanges.GetValueOrDefault(topic) != connection)
            {
                // A channel of its own: a refused declaration closes it, and must not close the publishers'.
                var channel = await Within(connection.CreateChannelAsync(cancellationToken: stop), stop);
                try
                {
                    await Within(channel.ExchangeDeclareAsync(topic, _options.ExchangeKind, _options.Durable, _options.DeletedWhenUnused, cancellationToken: stop), stop);
                }
                finally
                {
                    _ = Discard(channel);
                }

                _exchanges[topic] = connection;
            }
        }
        finally
        {
            _declaring.Release();
        }

        return connection;
    }

    /// <summary>The topic's exchange may be gone: make it anew with the next <see cref="Get"/>.</summary>
    public void Forget(string topic) => _exchanges.TryRemove(topic, out _);

    /// <summary>The pause before what failed is tried again.</summary>
    public TimeSpan Pause => _options.ReconnectWait > LeastPause ? _options.ReconnectWait : LeastPause;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _keeping;
        if (_open.Task is { IsCompletedSuccessfully: true, Result: var connection })
        {
            await Task.WhenAny(Discard(connection), Task.Delay(ClosePatience));
        }

        _stop.Dispose();
    }

    /// <summary>Closes what may be broken, whatever comes of it.</summary>
    public static async Task Discard(IAsyncDisposable broken)
    {
        try
        {
            await broken.DisposeAsync();
        }
        catch (Exception e) when (RabbitMqErrors.IsFailure(e))
        {
            // Then it is closed already.
        }
    }

    /// <summary>Waits for an answer no longer than until told to stop: the client waits on.</summary>
    public static async Task<T> Within<T>(Task<T> answer, CancellationToken stop)
    {
        try
        {
            return await answer.WaitAsync(stop);
        }
        catch (OperationCanceledException) when (!answer.IsCompleted)
        {
            _ = Abandon(answer);
            throw;
        }
    }

    /// <inheritdoc cref="Within{T}"/>
    public static Task Within(Task answer, CancellationToken stop)
    {
        return Within(Result(), stop);

        async Task<bool> Result()
        {
            await answer;
            return true;
        }
    }

    private static async Task Abandon<T>(Task<T> answer)
    {
        try
        {
            if (await answer is IAsyncDisposable late)
            {
                await Discard(late);
            }
        }
        catch (Exception e) when (RabbitMqErrors.IsFailure(e))
        {
            // As expected.
        }
    }

    /// <summary>Gives the connection to who asks; makes another when it breaks; and so on.</summary>
    private async Task Keep(IConnection connection)
    {
        while (true)
        {
            var lost = new TaskCompletionSource<ShutdownEventArgs>(TaskCreationOptions.RunContinuationsAsynchronously);
            connection.ConnectionBlockedAsync += (_, blocked) => Report($"RabbitMQ at {Address} takes nothing at present: {blocked.Reason}");
            connection.ConnectionUnblockedAsync += (_, _) => Report(null);
            connection.ConnectionShutdownAsync += (_, reason) =>
            {
                lost.TrySetResult(reason);
                return Task.CompletedTask;
            };
            Problem = null;
            _open.TrySetResult(connection);
            try
            {
                var reason = await lost.Task.WaitAsync(_stop.Token);
                var why = reason.Exception?.Message ?? reason.ReplyText;
                Problem = $"the connection to RabbitMQ at {Address} is lost: {why}";
                _open = new(TaskCreationOptions.RunContinuationsAsynchronously);
                LogLost(Address, why);
                _ = Discard(connection);
                connection = await ConnectAgain();
                LogBack(Address);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private Task Report(string? problem)
    {
        Problem = problem;
        if (problem is not null)
        {
            LogProblem(problem);
        }

        return Task.CompletedTask;
    }

    private async Task<IConnection> ConnectAgain()
    {
        while (true)
        {
            await Task.Delay(Pause, _stop.Token);
            try
            {
                return await Connect(_stop.Token);
            }
            catch (IOException e)
            {
                if (e is RefusedException && e.Message != Problem)
                {
                    LogProblem(e.Message);
                }

                Problem = e.Message;
            }
        }
    }

    private async Task<IConnection> Connect(CancellationToken stop)
    {
        IConnection? connection = null;
        try
        {
            connection = await Within(_factory.CreateConnectionAsync(stop), stop);

            // Whether it may use the virtual host the client learns only now.
            _ = Discard(await Within(connection.CreateChannelAsync(cancellationToken: stop), stop));
            return connection;
        }
        catch (Exception e)
        {
            if (connection is not null)
            {
                _ = Discard(connection);
            }

            stop.ThrowIfCancellationRequested();
            throw Reason(e);
        }
    }

    /// <summary>One clear sentence of what the client wraps several times.</summary>
    private IOException Reason(Exception? e) => e switch
    {
        AggregateException { InnerExceptions: [var first, ..] } => Reason(first),
        AuthenticationFailureException => new RefusedException($"RabbitMQ at {Address} refuses the user '{_factory.UserName}': the name or the password is wrong, or the user may not come from here"),
        AuthenticationException => new RefusedException($"RabbitMQ at {Address} has a certificate that is not trusted for this host; caCert must have the one that has signed it ({e.Message})"),
        OperationInterruptedException { ShutdownReason: { ReplyCode: Constants.NotAllowed or Constants.AccessRefused } refusal } when !refusal.ReplyText.Contains("is down", StringComparison.Ordinal) =>
            new RefusedException($"RabbitMQ at {Address} refuses the virtual host '{_factory.VirtualHost}' to the user '{_factory.UserName}': {refusal.ReplyText}"),
        OperationInterruptedException { ShutdownReason: { } reason } => new($"RabbitMQ at {Address}: {reason.ReplyText}"),
        { InnerException: { } inner } => Reason(inner),
        OperationCanceledException or TimeoutException => new($"RabbitMQ at {Address} does not answer"),
        _ => new($"RabbitMQ at {Address}: {e?.Message}"),
    };

    /// <summary>RabbitMQ is there and does not want us; waiting does not change that.</summary>
    private sealed class RefusedException(string message) : IOException(message);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The connection to RabbitMQ at {Address} is lost: {Problem}")]
    private partial void LogLost(string address, string problem);

    [LoggerMessage(Level = LogLevel.Information, Message = "The connection to RabbitMQ at {Address} is back")]
    private partial void LogBack(string address);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Problem}")]
    private partial void LogProblem(string problem);
}
