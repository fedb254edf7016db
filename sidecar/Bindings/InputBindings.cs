using System.Net;
using System.Net.Http.Headers;
using Lavka.Sidecar.Observability;
using Lavka.Sidecar.Resiliency;
using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.Bindings;

/// <summary>
/// Brings the events of input bindings to the app: <c>POST /{route}</c>, once it has said with its answer to <c>OPTIONS</c> that it wants them
/// (Dapr: reference/api/bindings_api). They stop while the app is unhealthy, and follow the components.
/// </summary>
internal sealed partial class InputBindings(Components components, ResiliencyPolicies policies, Telemetry telemetry, AppChannel app, SidecarOptions options) : IAsyncDisposable
{
    private static readonly MediaTypeHeaderValue Json = new("application/json");
    private static readonly TimeSpan OptionsTimeout = TimeSpan.FromSeconds(3);

    private readonly ILogger _log = options.Logs.CreateLogger<InputBindings>();
    private readonly SemaphoreSlim _turn = new(1);
    private readonly Dictionary<LoadedInputBinding, IAsyncDisposable?> _running = [];

    /// <summary>Starts what is not running yet; the app is asked about each.</summary>
    public async Task Start(CancellationToken stop)
    {
        await _turn.WaitAsync(stop);
        try
        {
            foreach (var binding in components.InputBindings.Values.Where(binding => !_running.ContainsKey(binding)))
            {
                _running[binding] = binding.IsDeclared || await IsWanted(binding, stop) ? binding.Binding.Read((@event, token) => Bring(binding, @event, token)) : null;
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Ends those whose component is gone.</summary>
    public Task EndGone() => End(binding => components.InputBindings.GetValueOrDefault(binding.Name) != binding);

    public Task Stop() => End(_ => true);

    public async ValueTask DisposeAsync() => await Stop();

    private async Task End(Func<LoadedInputBinding, bool> which)
    {
        await _turn.WaitAsync();
        try
        {
            foreach (var binding in _running.Keys.Where(which).ToList())
            {
                await End(binding);
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task End(LoadedInputBinding binding)
    {
        if (_running.Remove(binding, out var reader) && reader is not null)
        {
            await reader.DisposeAsync();
        }
    }

    private string PathOf(LoadedInputBinding binding) => '/' + binding.Route.TrimStart('/');

    private async Task<bool> IsWanted(LoadedInputBinding binding, CancellationToken stop)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(OptionsTimeout);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Options, app.At(PathOf(binding))) { Content = new ByteArrayContent([]) };
            request.Content.Headers.ContentType = Json;
            using var response = await app.Send(request, limit.Token);
            if (response.IsSuccessStatusCode || response.StatusCode == HttpStatusCode.MethodNotAllowed)
            {
                return true;
            }

            LogNotWanted(options.AppId, binding.Name, PathOf(binding), (int)response.StatusCode);
        }
        catch (Exception e) when (e is HttpRequestException || (e is OperationCanceledException && !stop.IsCancellationRequested))
        {
            LogNotAsked(options.AppId, binding.Name, PathOf(binding), e.Message);
        }

        return false;
    }

    private async Task Bring(LoadedInputBinding binding, BindingEvent @event, CancellationToken stop)
    {
        var succeeded = false;
        try
        {
            await policies.Inbound(binding.Name, "Binding").Run(async token =>
            {
                using var span = telemetry.StartDelivery($"bindings/{binding.Name}", @event.Metadata.GetValueOrDefault("traceparent"), @event.Metadata.GetValueOrDefault("tracestate"));
                using var request = new HttpRequestMessage(HttpMethod.Post, app.At(PathOf(binding))) { Content = new ByteArrayContent(@event.Data) };
                request.Content.Headers.ContentType = Json;
                foreach (var (name, value) in @event.Metadata)
                {
                    request.Headers.TryAddWithoutValidation(name, value);
                }

                Telemetry.Propagate(span, null, null, request.Headers);
                using var response = await app.Send(request, token);
                Telemetry.End(span, (int)response.StatusCode);
                succeeded = response.IsSuccessStatusCode;
                return new Attempt<bool>(succeeded, Failed: !succeeded, (int)response.StatusCode);
            }, stop);
        }
        catch (Exception e) when (e is HttpRequestException or TimeoutException or CircuitBreakerException)
        {
            LogFailed(options.AppId, binding.Name, e.Message);
            throw new BindingException(e.Message);
        }
        finally
        {
            telemetry.Metrics?.InputBinding(binding.Name, succeeded);
        }

        if (!succeeded)
        {
            LogFailed(options.AppId, binding.Name, $"{PathOf(binding)} did not answer 2xx");
            throw new BindingException($"the app has not taken an event of binding {binding.Name}");
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "App '{AppId}' has not subscribed to binding {Binding}: it answered OPTIONS {Path} with {Status}")]
    private partial void LogNotWanted(string appId, string binding, string path, int status);

    [LoggerMessage(Level = LogLevel.Warning, Message = "App '{AppId}' could not be asked whether it wants binding {Binding} at {Path}: {Problem}")]
    private partial void LogNotAsked(string appId, string binding, string path, string problem);

    [LoggerMessage(Level = LogLevel.Warning, Message = "App '{AppId}' has not taken an event of binding {Binding}: {Problem}")]
    private partial void LogFailed(string appId, string binding, string problem);
}
