using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Dapr.AppCallback.Autogen.Grpc.v1;
using Google.Protobuf;
using Grpc.Core;
using Lavka.Sidecar.Grpc;
using Lavka.Sidecar.Observability;
using Lavka.Sidecar.Resiliency;
using Lavka.Sidecar.Resources;
using Lavka.Sidecar.State;

namespace Lavka.Sidecar.Bindings;

/// <summary>
/// Brings the events of input bindings to the app, if it wants them (Dapr: reference/api/bindings_api): <c>POST /{route}</c>, once it has answered <c>OPTIONS</c>; to a gRPC app
/// <c>OnBindingEvent</c>, once <c>ListInputBindings</c> has named the binding. They stop while the app is unhealthy, and follow the components.
/// </summary>
internal sealed partial class InputBindings(
    Components components, OutputBindings outputs, ResiliencyPolicies policies, Telemetry telemetry, AppChannel app, SidecarOptions options) : IAsyncDisposable
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
            var listed = new Lazy<Task<ICollection<string>>>(() => List(stop));
            foreach (var binding in components.InputBindings.Values.Where(binding => !_running.ContainsKey(binding)))
            {
                _running[binding] = binding.IsDeclared || (app.IsGrpc ? (await listed.Value).Contains(binding.Name) : await IsWanted(binding, stop)) ? binding.Binding.Read((@event, token) => Bring(binding, @event, token)) : null;
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

    /// <summary>The bindings that a gRPC app wants; one that does not say wants none.</summary>
    private async Task<ICollection<string>> List(CancellationToken stop)
    {
        try
        {
            return (await app.Calls.ListInputBindings(stop)).Bindings;
        }
        catch (RpcException e) when (!stop.IsCancellationRequested)
        {
            LogNotListed(options.AppId, e.Status.Detail);
            return [];
        }
    }

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
            succeeded = await policies.Inbound(binding.Name, "Binding").Run(async token =>
            {
                using var span = telemetry.StartDelivery($"bindings/{binding.Name}", @event.Metadata.GetValueOrDefault("traceparent"), @event.Metadata.GetValueOrDefault("tracestate"));
                return await (app.IsGrpc ? Call(binding, @event, span, token) : Post(binding, @event, span, token));
            }, stop);
        }
        catch (Exception e) when (e is HttpRequestException or RpcException or TimeoutException or CircuitBreakerException)
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

    private async Task<Attempt<bool>> Post(LoadedInputBinding binding, BindingEvent @event, Activity? span, CancellationToken stop)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, app.At(PathOf(binding))) { Content = new ByteArrayContent(@event.Data) };
        request.Content.Headers.ContentType = Json;
        foreach (var (name, value) in @event.Metadata)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        Telemetry.Propagate(span, null, null, request.Headers);
        using var response = await app.Send(request, stop);
        Telemetry.End(span, (int)response.StatusCode);
        return new(response.IsSuccessStatusCode, Failed: !response.IsSuccessStatusCode, (int)response.StatusCode);
    }

    private async Task<Attempt<bool>> Call(LoadedInputBinding binding, BindingEvent @event, Activity? span, CancellationToken stop)
    {
        var request = new BindingEventRequest { Name = binding.Name, Data = UnsafeByteOperations.UnsafeWrap(@event.Data) };
        request.Metadata.AddRange(@event.Metadata);
        var headers = new Metadata();
        telemetry.Propagate(span, @event.Metadata.GetValueOrDefault("traceparent"), @event.Metadata.GetValueOrDefault("tracestate"), headers);
        await PassOn(binding, await app.Calls.OnBindingEvent(request, new(headers, cancellationToken: stop)), stop);
        return new(true);
    }

    /// <summary>An answer's data goes to the output bindings it names. States that it names are not saved: daprd does not save them.</summary>
    private async Task PassOn(LoadedInputBinding binding, BindingEventResponse answer, CancellationToken stop)
    {
        if (answer.To.Count == 0)
        {
            return;
        }

        var data = "null"u8.ToArray();
        try
        {
            using var json = JsonDocument.Parse(answer.Data.Memory);
            data = GoJson.Normalise(json.RootElement);
        }
        catch (JsonException)
        {
            // What is no JSON arrives as null.
        }

        try
        {
            if (answer.Concurrency == BindingEventResponse.Types.BindingEventConcurrency.Parallel)
            {
                await Task.WhenAll(answer.To.Select(Send));
                return;
            }

            foreach (var name in answer.To)
            {
                await Send(name);
            }
        }
        catch (ApiException e)
        {
            LogNotPassedOn(options.AppId, binding.Name, e.Message);
        }

        async Task Send(string name) => await outputs.Invoke(name, "create", data, new Dictionary<string, string>(), stop);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "App '{AppId}' has not subscribed to binding {Binding}: it answered OPTIONS {Path} with {Status}")]
    private partial void LogNotWanted(string appId, string binding, string path, int status);

    [LoggerMessage(Level = LogLevel.Warning, Message = "App '{AppId}' could not be asked whether it wants binding {Binding} at {Path}: {Problem}")]
    private partial void LogNotAsked(string appId, string binding, string path, string problem);

    [LoggerMessage(Level = LogLevel.Information, Message = "App '{AppId}' does not say which input bindings it wants: {Problem}")]
    private partial void LogNotListed(string appId, string problem);

    [LoggerMessage(Level = LogLevel.Error, Message = "What app '{AppId}' answered to binding {Binding} could not be passed on: {Problem}")]
    private partial void LogNotPassedOn(string appId, string binding, string problem);

    [LoggerMessage(Level = LogLevel.Warning, Message = "App '{AppId}' has not taken an event of binding {Binding}: {Problem}")]
    private partial void LogFailed(string appId, string binding, string problem);
}
