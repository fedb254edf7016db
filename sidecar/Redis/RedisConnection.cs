using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Lavka.Sidecar.Resources;
using StackExchange.Redis;

namespace Lavka.Sidecar.Redis;

/// <summary>
/// The connection to a Redis, made again whenever it breaks. A command waits for it as long as commands may take. One whose connection was lost is sent again where it
/// does no harm to have been made twice, or is certain not to have been made.
/// </summary>
internal sealed partial class RedisConnection(RedisOptions options, ILogger log, bool subscribes = false) : IAsyncDisposable
{
    private static readonly TimeSpan ConnectPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan ProbeTime = TimeSpan.FromMilliseconds(500);

    // Who says good-bye into a partition gets no answer.
    private static readonly TimeSpan ClosePatience = TimeSpan.FromSeconds(1);

    private ConnectionMultiplexer? _client;
    private string? _certificateProblem;
    private string? _lost;
    private volatile bool _isClosing;

    /// <summary>Called when a connection that was lost is there again; the notifications of meanwhile are lost.</summary>
    public event Action? Restored;

    public IDatabase Database => Client.GetDatabase();

    public ISubscriber Subscriber => Client.GetSubscriber();

    /// <summary>The servers that take writes: one, or each of a cluster's.</summary>
    public IEnumerable<IServer> Masters => Client.GetServers().Where(server => server is { IsConnected: true, IsReplica: false });

    /// <summary>The server that has the key.</summary>
    public IServer ServerOf(RedisKey key) => Client.GetServer(key);

    private ConnectionMultiplexer Client => _client ?? throw new IOException($"{options.Where}: it is not connected");

    /// <summary>Completes when there is a connection; goes on trying while the server is away or starting up.</summary>
    /// <exception cref="IOException">It refuses, or still was not there when there was no more time.</exception>
    public async Task Start(CancellationToken cancellationToken)
    {
        string? last = null;
        while (true)
        {
            try
            {
                _client ??= await Connect(cancellationToken);

                // The first command in the database: there may be no such one, or not for this user.
                await Database.KeyExistsAsync("lavka").WaitAsync(cancellationToken);
                return;
            }
            catch (Exception e) when (RedisErrors.IsFailure(e) && !cancellationToken.IsCancellationRequested)
            {
                var reason = await Reason(e);
                if (RedisErrors.IsRefusal(e) || _certificateProblem is not null)
                {
                    throw new IOException($"{options.Where}: {reason}", e);
                }

                if (last is null)
                {
                    LogWaiting(options.Where, reason);
                }

                last = reason;
                await Task.Delay(ConnectPause, cancellationToken).ContinueWith(_ => { }, TaskScheduler.Default);
            }
            catch (OperationCanceledException e)
            {
                throw new IOException($"{options.Where}: {last ?? "it does not answer"} (tried for as long as spec.initTimeout allows)", e);
            }
        }
    }

    /// <summary>Asks something, or does what may be done twice.</summary>
    /// <exception cref="IOException">The server is away, or refuses, or has not answered in time.</exception>
    public Task<T> Ask<T>(Func<IDatabase, Task<T>> question, CancellationToken cancellationToken) => Run(question, isRepeatable: true, cancellationToken);

    /// <summary>Does what must not be done twice.</summary>
    /// <exception cref="IOException">The server is away, or refuses, or has not answered in time; if the connection was lost it may have been done.</exception>
    public Task<T> Change<T>(Func<IDatabase, Task<T>> change, CancellationToken cancellationToken) => Run(change, isRepeatable: false, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        _isClosing = true;
        if (_client is { } client)
        {
            await Discard(client);
        }
    }

    private async Task<T> Run<T>(Func<IDatabase, Task<T>> call, bool isRepeatable, CancellationToken cancellationToken)
    {
        var pause = options.RetryPause;
        for (var retries = 0; ; retries++)
        {
            try
            {
                return await call(Database).WaitAsync(cancellationToken);
            }
            catch (RedisConnectionException e) when (retries < options.MaxRetries && !_isClosing && RedisErrors.MayRepeat(e, isRepeatable))
            {
                await Task.Delay(pause < options.MostRetryPause ? pause : options.MostRetryPause, cancellationToken);
                pause *= 2;
            }
            catch (Exception e) when (RedisErrors.IsFailure(e) && !cancellationToken.IsCancellationRequested)
            {
                var mayBeDone = !isRepeatable && (e is RedisConnectionException { CommandStatus: CommandStatus.Sent } or RedisTimeoutException { Commandstatus: CommandStatus.Sent });
                throw new IOException($"{options.Where}: {await Reason(e)}{(mayBeDone ? "; it may have made the change before" : "")}", e);
            }
        }
    }

    private async Task<ConnectionMultiplexer> Connect(CancellationToken cancellationToken)
    {
        _certificateProblem = null;
        var settings = options.Client();
        settings.CertificateValidation += (_, certificate, _, errors) => IsTrusted(certificate, errors);
        if (!subscribes && options.SentinelMaster is null)
        {
            // Without them there is one connection and not two. Sentinels tell by a subscription which server is the master now.
            settings.CommandMap = CommandMap.Create(["SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE"], available: false);
            settings.ConfigurationChannel = "";
        }

        var connecting = ConnectionMultiplexer.ConnectAsync(settings);
        try
        {
            var client = await connecting.WaitAsync(cancellationToken);
            client.ConnectionFailed += (_, failure) => OnFailed(failure);
            client.ConnectionRestored += (_, restored) => OnRestored(restored);
            return client;
        }
        catch (OperationCanceledException)
        {
            _ = connecting.ContinueWith(late => late.IsCompletedSuccessfully ? Discard(late.Result) : Task.FromResult(late.Exception), TaskScheduler.Default);
            throw;
        }
    }

    private bool IsTrusted(X509Certificate? certificate, SslPolicyErrors errors)
    {
        if (options.SkipsVerification || options.Tls.IsTrusted(certificate, errors))
        {
            return true;
        }

        _certificateProblem = $"its certificate is not trusted for this host ({errors}); caCert must have the one that has signed it, or insecureSkipTLSVerify be \"true\"";
        return false;
    }

    private void OnFailed(ConnectionFailedEventArgs failure)
    {
        if (!_isClosing && failure.ConnectionType == ConnectionType.Interactive && Interlocked.CompareExchange(ref _lost, $"{failure.FailureType}", null) is null)
        {
            LogLost(options.Where, $"{failure.FailureType}");
        }
    }

    private void OnRestored(ConnectionFailedEventArgs restored)
    {
        if (restored.ConnectionType == ConnectionType.Interactive && Interlocked.Exchange(ref _lost, null) is not null)
        {
            LogBack(options.Where);
        }

        Restored?.Invoke();
    }

    private async Task<string> Reason(Exception e) => e switch
    {
        _ when _certificateProblem is not null => _certificateProblem,
        RedisConnectionException { FailureType: ConnectionFailureType.AuthenticationFailure } => AuthenticationReason(e),
        _ when RedisErrors.Answer(e) is { } answer => answer,
        RedisCommandException => e.Message,
        RedisTimeoutException => $"no answer within {Durations.ToGo(options.Timeout ?? TimeSpan.Zero)}",
        RedisConnectionException { CommandStatus: CommandStatus.Sent } => "the connection was lost",
        ObjectDisposedException => "the component is closed",
        _ => await Probe() ?? e.Message.Split(" - ")[0],
    };

    private string AuthenticationReason(Exception e) => RedisErrors.Answer(e) is not { } answer ? "it refuses us: are the user, the password and the client certificate right?"
        : answer.StartsWith("NOAUTH", StringComparison.Ordinal) ? "it wants a password (redisPassword)"
        : answer.StartsWith("WRONGPASS", StringComparison.Ordinal) ? $"it refuses the user '{options.User ?? "default"}': the name (redisUsername) or the password (redisPassword) is wrong"
        : answer;

    /// <summary>Why there is no connection; null: that is not to be found out.</summary>
    private async Task<string?> Probe()
    {
        try
        {
            using var limit = new CancellationTokenSource(ProbeTime);
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await (options.EndPoints[0] is DnsEndPoint name ? socket.ConnectAsync(name.Host, name.Port, limit.Token) : socket.ConnectAsync(options.EndPoints[0], limit.Token));
            return options.UsesTls ? "it accepts connections and does not answer; has it TLS at that port (enableTLS)?" : "it accepts connections and does not answer";
        }
        catch (SocketException e)
        {
            return e.Message;
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    /// <summary>Closes what may be broken, whatever comes of it.</summary>
    private static async Task Discard(ConnectionMultiplexer client)
    {
        try
        {
            await Task.WhenAny(client.CloseAsync(allowCommandsToComplete: false), Task.Delay(ClosePatience));
            client.Dispose();
        }
        catch (Exception e) when (RedisErrors.IsFailure(e))
        {
            // Then it is closed already.
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Where} is waited for: {Reason}")]
    private partial void LogWaiting(string where, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The connection to {Where} is lost: {Reason}")]
    private partial void LogLost(string where, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "The connection to {Where} is back")]
    private partial void LogBack(string where);
}
