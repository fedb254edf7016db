using System.Diagnostics;
using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Lavka.Shop.Tests;

/// <summary>A service's own <c>Program</c>, run in the test's process.</summary>
internal sealed class HostedService : IAsyncDisposable
{
    // The thread that runs a Program tells whose host has been built.
    private static readonly AsyncLocal<HostedService?> Current = new();

    private readonly TaskCompletionSource<IHost> _host = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    static HostedService() => DiagnosticListener.AllListeners.Subscribe(new Listeners());

    private readonly TimeProvider? _clock;

    private HostedService(Assembly program, string[] args, TimeProvider? clock)
    {
        _clock = clock;
        var thread = new Thread(() =>
        {
            Current.Value = this;
            try
            {
                program.EntryPoint!.Invoke(null, [args]);
                _ended.SetResult();
            }
            catch (Exception e)
            {
                _host.TrySetException(e);
                _ended.SetResult();
            }
        })
        { IsBackground = true, Name = program.GetName().Name };
        thread.Start();
    }

    /// <param name="program">Any type of the service.</param>
    /// <param name="settings">Its configuration.</param>
    /// <param name="clock">Its clock; null: the system's.</param>
    public static async Task<HostedService> Start(Type program, IReadOnlyDictionary<string, string> settings, TimeProvider? clock = null)
    {
        var service = new HostedService(program.Assembly, [.. settings.Select(setting => $"--{setting.Key}={setting.Value}")], clock);
        await service._host.Task;
        return service;
    }

    public async ValueTask DisposeAsync()
    {
        // One that has ended by itself has failed; what it has made fail says more than this would.
        if (!_ended.Task.IsCompleted)
        {
            (await _host.Task).Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();
        }

        await _ended.Task;
    }

    private sealed class Listeners : IObserver<DiagnosticListener>, IObserver<KeyValuePair<string, object?>>
    {
        public void OnNext(DiagnosticListener value)
        {
            if (value.Name == "Microsoft.Extensions.Hosting")
            {
                value.Subscribe(this);
            }
        }

        public void OnNext(KeyValuePair<string, object?> value)
        {
            if (value.Key == "HostBuilding" && Current.Value?._clock is { } clock)
            {
                ((IHostBuilder)value.Value!).ConfigureServices(services => services.AddSingleton(clock));
            }

            if (value.Key == "HostBuilt")
            {
                Current.Value?._host.TrySetResult((IHost)value.Value!);
            }
        }

        public void OnCompleted()
        {
        }

        public void OnError(Exception error)
        {
        }
    }
}
