using System.Collections.Concurrent;
using System.Text.Json;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests.Contract.Grpc;

/// <summary>
/// Replays the exchanges recorded over gRPC. The worlds run side by side, since they mostly wait, and a world's cases one after the other; each case is a test.
/// <c>LAVKA_CONTRACT_WORLDS</c> names the worlds to run (comma-separated, or <c>all</c>), <c>LAVKA_CONTRACT_DAPRD</c> a daprd to ask instead of the embedded sidecar.
/// </summary>
public sealed class GrpcContractTests(GrpcContractTests.Runs runs) : IClassFixture<GrpcContractTests.Runs>
{
    private static readonly string[] Worlds = Environment.GetEnvironmentVariable("LAVKA_CONTRACT_WORLDS") switch
    {
        null or "" => [.. GrpcWorlds.On],
        "all" => [.. GrpcRecording.Names],
        var names => names.Split(','),
    };

    [WorldsTheory]
    [MemberData(nameof(Cases), false)]
    public Task It_answers_as_daprd_does(string world, string name) => runs.Of(world, name);

    [WorldsTheory(withRedis: true)]
    [MemberData(nameof(Cases), true)]
    public Task With_Redis_it_answers_as_daprd_does(string world, string name) => runs.Of(world, name);

    public static IEnumerable<object[]> Cases(bool withRedis) => Worlds.Where(world => GrpcRecording.World(world).TryGetProperty("redis", out _) == withRedis)
        .SelectMany(world => GrpcRecording.Cases(world).Keys.Select(name => new object[] { world, name }));

    /// <summary>All worlds, from the first test on.</summary>
    public sealed class Runs : IAsyncLifetime
    {
        private const int AtOnce = 6;

        private readonly SemaphoreSlim _turns = new(AtOnce);
        private readonly ConcurrentDictionary<(string World, string Name), TaskCompletionSource> _cases = new();
        private Task _all = Task.CompletedTask;

        public Task InitializeAsync()
        {
            _all = Task.WhenAll(Worlds.Select(world => Task.Run(() => Run(world))));
            return Task.CompletedTask;
        }

        public Task DisposeAsync() => _all;

        internal Task Of(string world, string name) => Case(world, name).Task;

        private TaskCompletionSource Case(string world, string name) => _cases.GetOrAdd((world, name), _ => new(TaskCreationOptions.RunContinuationsAsynchronously));

        private async Task Run(string name)
        {
            await _turns.WaitAsync();
            var cases = GrpcRecording.Cases(name);
            try
            {
                await using var world = await GrpcWorld.Start(name);
                foreach (var (one, recorded) in cases)
                {
                    await Run(world, recorded, Case(name, one));
                }
            }
            catch (Exception e)
            {
                foreach (var one in cases.Keys)
                {
                    Case(name, one).TrySetException(e);
                }
            }
            finally
            {
                _turns.Release();
            }
        }

        private static async Task Run(GrpcWorld world, JsonElement one, TaskCompletionSource result)
        {
            try
            {
                await GrpcCase.Replay(world, one);
                result.SetResult();
            }
            catch (Exception e)
            {
                result.SetException(e);
            }
        }
    }
}

/// <summary>A theory with recorded worlds, of which some or all may be off.</summary>
public sealed class WorldsTheoryAttribute : TheoryAttribute
{
    public WorldsTheoryAttribute(bool withRedis = false) =>
        Skip = withRedis && RedisServer.WhatIsMissing is { } missing ? missing : GrpcContractTests.Cases(withRedis).Any() ? null : "None of these worlds is on.";
}
