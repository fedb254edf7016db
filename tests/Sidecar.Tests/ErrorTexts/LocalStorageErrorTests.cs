using System.Net;
using System.Text.Json;
using Dapr.Client;
using Lavka.Sidecar.Testing;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests.ErrorTexts;

/// <summary>What <c>bindings.localstorage</c> cannot do, in the very words of daprd 1.17.13.</summary>
public sealed class LocalStorageErrorTests : IAsyncLifetime
{
    private readonly TempFolder _folder = new();
    private EmbeddedSidecar _sidecar = null!;

    private string Root => Path.Combine(_folder.Path, "files");

    public async Task InitializeAsync()
    {
        _sidecar = await EmbeddedSidecar.StartAsync(new() { Resources = [TestApp.Component("files", "bindings.localstorage", ("rootPath", Root))] });
        _folder.Write("files/a/b.txt", "hello");
    }

    public async Task DisposeAsync()
    {
        await _sidecar.DisposeAsync();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("get", "nofile", "file not found: {root}/nofile")]
    [InlineData("get", "", "error reading file {root}: read {root}: is a directory")]
    [InlineData("get", "a", "error reading file {root}/a: read {root}/a: is a directory")]
    [InlineData("get", "a/b.txt/c", "error opening path {root}/a/b.txt/c: open {root}/a/b.txt/c: not a directory")]
    [InlineData("get", "../x", "file not found: {root}/x")]
    [InlineData("create", "a", "error creating file {root}/a: open {root}/a: is a directory")]
    [InlineData("create", "a/b.txt/c", "error creating directory {root}/a/b.txt: mkdir {root}/a/b.txt: not a directory")]
    [InlineData("delete", "nofile", "error deleting file {root}/nofile: remove {root}/nofile: no such file or directory")]
    [InlineData("delete", "a", "error deleting file {root}/a: remove {root}/a: directory not empty")]
    [InlineData("list", "nofolder", "error getting stats for path {root}/nofolder: stat {root}/nofolder: no such file or directory")]
    [InlineData("list", "a/b.txt", "unable to list files as the file specified is not a directory: {root}/a/b.txt")]
    [InlineData("get", "a\0b", "error getting absolute path for file a\0b: lstat {root}//a\0b: invalid argument")]
    public async Task It_says_what_is_wrong_as_daprd_does(string operation, string file, string problem)
    {
        using var response = await _sidecar.Http.PostAsync("/v1.0/bindings/files", new StringContent(JsonSerializer.Serialize(new { operation, data = "x", metadata = new { fileName = file } })));

        Assert.Equal(HttpStatusCode.InternalServerError, response.StatusCode);
        Assert.Equal("error invoking output binding files: " + problem.Replace("{root}", Root, StringComparison.Ordinal),
            JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement.GetProperty("message").GetString());
    }

    [Theory]
    [InlineData("\"quoted\"", "quoted")]
    [InlineData("\"not closed", "\"not closed")]
    [InlineData("\"\\q\"", "\"\\q\"")]
    [InlineData("plain", "plain")]
    public async Task Bytes_over_gRPC_need_not_be_JSON(string data, string kept)
    {
        using var dapr = new DaprClientBuilder().UseGrpcEndpoint(_sidecar.GrpcEndpoint.ToString()).Build();

        await dapr.InvokeBindingAsync(new BindingRequest("files", "create") { Data = System.Text.Encoding.UTF8.GetBytes(data), Metadata = { ["fileName"] = "f" } });

        Assert.Equal(kept, await File.ReadAllTextAsync(Path.Combine(Root, "f")));
    }
}
