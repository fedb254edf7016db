using System.Net;
using System.Text;
using System.Text.Json;
using Dapr.Client;
using Grpc.Core;
using Lavka.Sidecar.Testing;

namespace Lavka.Sidecar.Tests.ErrorTexts;

/// <summary>What is wrong with a state request is told in the very words of daprd 1.17.13: applications log and match them.</summary>
public sealed class StateErrorTests : IAsyncLifetime
{
    private const string Mismatch = "possible etag mismatch. error from state store";

    private EmbeddedSidecar _sidecar = null!;

    public async Task InitializeAsync() => _sidecar = await EmbeddedSidecar.StartAsync(new()
    {
        Resources = [TestApp.Component("memory", "state.in-memory"), TestApp.Component("sqlite", "state.sqlite", ("connectionString", "state.db"))],
    });

    public async Task DisposeAsync() => await _sidecar.DisposeAsync();

    [Theory]
    [InlineData("memory", "abc", "strconv.Atoi: parsing \"abc\": invalid syntax")]
    [InlineData("memory", "1.5", "strconv.Atoi: parsing \"1.5\": invalid syntax")]
    [InlineData("memory", "-", "strconv.Atoi: parsing \"-\": invalid syntax")]
    [InlineData("memory", "\"q\"", "strconv.Atoi: parsing \"\\\"q\\\"\": invalid syntax")]
    [InlineData("memory", "а", "strconv.Atoi: parsing \"а\": invalid syntax")]
    [InlineData("memory", "99999999999999999999", "strconv.Atoi: parsing \"99999999999999999999\": value out of range")]
    [InlineData("sqlite", "abc", "error parsing TTL: incorrect value for metadata 'ttlInSeconds': strconv.ParseInt: parsing \"abc\": invalid syntax")]
    [InlineData("sqlite", "-9223372036854775809", "error parsing TTL: incorrect value for metadata 'ttlInSeconds': strconv.ParseInt: parsing \"-9223372036854775809\": value out of range")]
    [InlineData("sqlite", "-2", "error parsing TTL: incorrect value for metadata 'ttlInSeconds': must be -1 or greater")]
    [InlineData("sqlite", "2147483648", "error parsing TTL: incorrect value for metadata 'ttlInSeconds': must be -1 or greater")]
    public async Task A_time_to_live_is_refused_as_its_store_refuses_it(string store, string ttl, string problem)
    {
        object[] items = [new { key = "k", value = 1, metadata = new { ttlInSeconds = ttl } }];

        Assert.Equal((HttpStatusCode.InternalServerError, $"failed saving state in state store {store}: {problem}"), await Post($"state/{store}", items));
        Assert.Equal((HttpStatusCode.InternalServerError, $"error while executing state transaction: {problem}"),
            await Post($"state/{store}/transaction", new { operations = new[] { new { operation = "upsert", request = items[0] } } }));
    }

    [Theory]
    [InlineData("memory", "-2")]
    [InlineData("memory", "+5")]
    [InlineData("memory", "2147483648")]
    [InlineData("sqlite", "-1")]
    [InlineData("sqlite", "2147483647")]
    public async Task A_time_to_live_that_the_store_takes_is_taken(string store, string ttl) =>
        Assert.Equal(HttpStatusCode.NoContent, (await Post($"state/{store}", new[] { new { key = "k", value = 1, metadata = new { ttlInSeconds = ttl } } })).Status);

    [Theory]
    [InlineData("memory", ": state not exist or expired for key=app||a", ": state not exist or expired for key=app||b")]
    [InlineData("sqlite", "", "")]
    public async Task An_etag_is_refused_once_for_one_item_and_once_more_for_all_of_several(string store, string ofA, string ofB)
    {
        var (a, b, c) = (new { key = "a", value = 1, etag = "7" }, new { key = "b", value = 1, etag = "7" }, new { key = "c", value = 1, etag = "" });
        var failed = $"failed saving state in state store {store}: ";

        Assert.Equal((HttpStatusCode.Conflict, $"{failed}{Mismatch}{ofA}"), await Post($"state/{store}", new[] { a }));
        Assert.Equal((HttpStatusCode.Conflict, $"{failed}{Mismatch}: {Mismatch}{ofA}"), await Post($"state/{store}", new[] { a, c }));
        Assert.Equal((HttpStatusCode.Conflict, $"{failed}{Mismatch}: {Mismatch}{ofA}\n{Mismatch}{ofB}"), await Post($"state/{store}", new[] { a, b }));
    }

    [Fact]
    public async Task Several_items_deleted_with_wrong_etags_are_told_alike_over_gRPC()
    {
        using var dapr = new DaprClientBuilder().UseGrpcEndpoint(_sidecar.GrpcEndpoint.ToString()).Build();

        var error = await Assert.ThrowsAsync<Dapr.DaprException>(() => dapr.DeleteBulkStateAsync("sqlite", [new("a", "7"), new("b", "7")]));

        var status = Assert.IsType<RpcException>(error.InnerException).Status;
        Assert.Equal((StatusCode.Aborted, $"failed deleting state in state store sqlite: {Mismatch}: {Mismatch}\n{Mismatch}"), (status.StatusCode, status.Detail));
    }

    [Fact]
    public async Task A_key_with_the_separator_is_refused_in_each_protocols_words()
    {
        using var dapr = new DaprClientBuilder().UseGrpcEndpoint(_sidecar.GrpcEndpoint.ToString()).Build();
        const string problem = "input key/keyPrefix 'a||b' can't contain '||'";

        Assert.Equal((HttpStatusCode.BadRequest, $"api error: code = InvalidArgument desc = {problem}"), await Post("state/memory", new[] { new { key = "a||b", value = 1 } }));
        var error = await Assert.ThrowsAsync<Dapr.DaprException>(() => dapr.GetStateAsync<string>("memory", "a||b"));
        Assert.Equal(problem, Assert.IsType<RpcException>(error.InnerException).Status.Detail);
    }

    [Theory]
    [InlineData("/v1.0/state/memory/a%zz")]
    [InlineData("/v1.0/state/memory/a%2")]
    [InlineData("/%")]
    public async Task A_path_with_half_an_escape_never_reaches_the_API(string path)
    {
        using var client = new System.Net.Sockets.TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, _sidecar.HttpPort);
        await using var stream = client.GetStream();

        await stream.WriteAsync(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"));

        var answer = await new StreamReader(stream).ReadToEndAsync();
        Assert.StartsWith("HTTP/1.1 400 Bad Request\r\n", answer, StringComparison.Ordinal);
        Assert.Contains("Content-Type: text/plain; charset=utf-8\r\n", answer, StringComparison.Ordinal);
    }

    private async Task<(HttpStatusCode Status, string? Message)> Post(string path, object body)
    {
        using var response = await _sidecar.Http.PostAsync($"/v1.0/{path}", new StringContent(JsonSerializer.Serialize(body), Encoding.UTF8, "application/json"));
        var answer = await response.Content.ReadAsStringAsync();
        return (response.StatusCode, answer.Length == 0 ? null : JsonDocument.Parse(answer).RootElement.GetProperty("message").GetString());
    }
}
