using System.Collections.Concurrent;
using System.Text.Json;

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

    public static IEnumerable<object[]> Cases => Worlds.SelectMany(world => GrpcRecording.Cases(world).Select((one, i) => new object[] { world, i, one.GetProperty("name").GetString()! }));

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task It_answers_as_daprd_does(string world, int index, string name)
    {
        Assert.NotEmpty(name);
        await runs.Of(world, index);
    }

    /// <summary>All worlds, from the first test on.</summary>
    public sealed class Runs : IAsyncLifetime
    {
        private const int AtOnce = 6;

        private readonly SemaphoreSlim _turns = new(AtOnce);
        private readonly ConcurrentDictionary<(string World, int Index), TaskCompletionSource> _cases = new();
        private Task _all = Task.CompletedTask;

        public Task InitializeAsync()
        {
            _all = Task.WhenAll(Worlds.Select(world => Task.Run(() => Run(world))));
            return Task.CompletedTask;
        }

        public Task DisposeAsync() => _all;

        internal Task Of(string world, int index) => Case(world, index).Task;

        private TaskCompletionSource Case(string world, int index) => _cases.GetOrAdd((world, index), _ => new(TaskCreationOptions.RunContinuationsAsynchronously));

        private async Task Run(string name)
        {
            await _turns.WaitAsync();
            var cases = GrpcRecording.Cases(name);
            try
            {
                await using var world = await GrpcWorld.Start(name);
                for (var i = 0; i < cases.Count; i++)
                {
                    await Run(world, cases[i], Case(name, i));
                }
            }
            catch (Exception e)
            {
                for (var i = 0; i < cases.Count; i++)
                {
                    Case(name, i).TrySetException(e);
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
