using System.Collections.Concurrent;
using Dapr;
using Dapr.Client.Autogen.Grpc.v1;
using Google.Protobuf;
using Grpc.Core;
using Lavka.ServiceDefaults;

namespace Lavka.Services.Tests;

public sealed class StateReaderTests
{
    private readonly FakeSidecar _sidecar = new() { Documents = { ["a"] = "1", ["b"] = "2", ["c"] = "3" } };

    [Fact]
    public async Task What_is_asked_for_while_a_request_is_on_its_way_is_asked_for_together()
    {
        var reader = new StateReader(_sidecar);
        var held = new TaskCompletionSource();
        _sidecar.Before = () => held.Task;
        var first = Text(reader, "a");
        await Lavka.Testing.Eventually.Holds(() => _sidecar.Bulks.Count == 1, "the first request");

        var others = new[] { Text(reader, "b"), Text(reader, "c"), Text(reader, "b") };
        held.SetResult();

        Assert.Equal("1", await first);
        Assert.Equal(["2", "3", "2"], await Task.WhenAll(others));
        Assert.Equal(["a", "b,c"], _sidecar.Bulks);
    }

    [Fact]
    public async Task What_a_bulk_answer_leaves_out_is_there_all_the_same_and_nothing_is_nothing_only_when_it_was_asked_for_twice()
    {
        _sidecar.LeftOut.Add("b");

        var found = await new StateReader(_sidecar).Read(["a", "b", "d"], default);

        Assert.Equal(("1", "2", ""), (Text(found["a"]), Text(found["b"]), Text(found["d"])));
        Assert.Equal(["a,b,d", "b,d"], _sidecar.Bulks);
    }

    [Fact]
    public async Task A_document_that_cannot_be_read_says_why_and_does_not_keep_others_from_theirs()
    {
        var reader = new StateReader(_sidecar);
        var held = new TaskCompletionSource();
        _sidecar.Before = () => held.Task;
        _sidecar.Unreadable.Add("b");
        var first = Text(reader, "a");
        await Lavka.Testing.Eventually.Holds(() => _sidecar.Bulks.Count == 1, "the first request");

        var (broken, whole) = (Text(reader, "b"), Text(reader, "c"));
        held.SetResult();

        Assert.Contains("the disk is broken", (await Assert.ThrowsAsync<DaprException>(() => broken)).Message, StringComparison.Ordinal);
        Assert.Equal(("1", "3"), (await first, await whole));
    }

    private static async Task<string> Text(StateReader reader, string key) => Text((await reader.Read([key], default))[key]);

    private static string Text(StoredDocument document) => System.Text.Encoding.UTF8.GetString(document.Json.Span);

    private sealed class FakeSidecar : Dapr.Client.Autogen.Grpc.v1.Dapr.DaprClient
    {
        public Dictionary<string, string> Documents { get; } = [];

        /// <summary>Keys that the next bulk answer has nothing for.</summary>
        public HashSet<string> LeftOut { get; } = [];

        public HashSet<string> Unreadable { get; } = [];

        /// <summary>The keys of each bulk request.</summary>
        public ConcurrentQueue<string> Bulks { get; } = [];

        public Func<Task> Before { get; set; } = () => Task.CompletedTask;

        public override AsyncUnaryCall<GetBulkStateResponse> GetBulkStateAsync(GetBulkStateRequest request, Metadata? headers = null, DateTime? deadline = null, CancellationToken cancellationToken = default) =>
            Call(async () =>
            {
                Bulks.Enqueue(string.Join(',', request.Keys));
                await Before();
                var answer = new GetBulkStateResponse { Items = { request.Keys.Select(Item) } };
                LeftOut.Clear();
                return answer;
            });

        public override AsyncUnaryCall<GetStateResponse> GetStateAsync(GetStateRequest request, Metadata? headers = null, DateTime? deadline = null, CancellationToken cancellationToken = default) =>
            Call(() => Unreadable.Contains(request.Key)
                ? throw new RpcException(new(StatusCode.Internal, "the disk is broken"))
                : Task.FromResult(new GetStateResponse { Data = ByteString.CopyFromUtf8(Documents.GetValueOrDefault(request.Key, "")) }));

        private BulkStateItem Item(string key) => Unreadable.Contains(key)
            ? new() { Key = key, Error = "the disk is broken" }
            : new() { Key = key, Data = ByteString.CopyFromUtf8(LeftOut.Contains(key) ? "" : Documents.GetValueOrDefault(key, "")) };

        private static AsyncUnaryCall<T> Call<T>(Func<Task<T>> answer) => new(Task.Run(answer), Task.FromResult(new Metadata()), () => Status.DefaultSuccess, () => [], () => { });
    }
}
