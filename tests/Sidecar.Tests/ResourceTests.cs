using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.Tests;

public sealed class ResourceTests : IDisposable
{
    private readonly SidecarFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task An_unknown_type_is_refused_with_the_file_and_the_types_there_are()
    {
        _folder.Component("x", "state.nonsense");

        var error = await Assert.ThrowsAsync<ResourceException>(() => Sidecar.StartAsync(_folder.Options("app")));

        Assert.Contains("x.yaml", error.Message, StringComparison.Ordinal);
        Assert.Contains("state.nonsense", error.Message, StringComparison.Ordinal);
        Assert.Contains("state.sqlite", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_missing_field_is_refused_by_its_name()
    {
        _folder.Component("x", "state.sqlite");

        var error = await Assert.ThrowsAsync<ResourceException>(() => Sidecar.StartAsync(_folder.Options("app")));

        Assert.Contains("connectionString", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_rule_that_does_not_parse_is_refused()
    {
        _folder.Component("pubsub", "pubsub.in-memory").With("sub.yaml",
            "apiVersion: dapr.io/v2alpha1\nkind: Subscription\nmetadata:\n  name: s\nspec:\n  pubsubname: pubsub\n  topic: t\n  routes:\n    rules:\n    - match: event.type ==\n      path: /x\n");

        var error = await Assert.ThrowsAsync<ResourceException>(() => Sidecar.StartAsync(_folder.Options("app")));

        Assert.Contains("sub.yaml", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_component_that_is_not_ready_in_time_stops_the_start()
    {
        // It accepts the connection and never says a word.
        using var silent = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        silent.Start();
        _folder.With("pubsub.yaml", "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata:\n  name: pubsub\nspec:\n  type: pubsub.rabbitmq\n  version: v1\n  initTimeout: 300ms\n  metadata:\n" +
            $"  - name: connectionString\n    value: amqp://{silent.LocalEndpoint}\n");

        var error = await Assert.ThrowsAsync<ResourceException>(() => Sidecar.StartAsync(_folder.Options("app")));

        Assert.Contains("pubsub.yaml", error.Message, StringComparison.Ordinal);
        Assert.Contains("initTimeout", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("version: 5")]
    [InlineData("ignoreErrors: 'true'")]
    [InlineData("metadata: {a: b}")]
    public async Task A_resource_with_a_field_of_another_type_is_left_out(string field)
    {
        _folder.With("x.yaml", $"apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata:\n  name: x\nspec:\n  type: state.in-memory\n  {field}\n");

        await using var sidecar = await Sidecar.StartAsync(_folder.Options("app"));

        Assert.Empty(sidecar.Components.All);
    }

    [Fact]
    public async Task A_version_that_there_is_not_stops_the_start()
    {
        _folder.With("x.yaml", "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata:\n  name: x\nspec:\n  type: state.in-memory\n  version: v9\n");

        Assert.Contains("v9", (await Assert.ThrowsAsync<ResourceException>(() => Sidecar.StartAsync(_folder.Options("app")))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_a_component_reads_counts_from_the_working_path_and_one_that_it_writes_from_the_data_path()
    {
        _folder.Component("secrets", "secretstores.local.file", ("secretsFile", "secrets.json")).With("secrets.json", """{"key":"value"}""").Component("state", "state.sqlite", ("connectionString", "state.db"));
        await using var sidecar = await Sidecar.StartAsync(_folder.Options("app"));
        using var http = new HttpClient();

        Assert.Equal("""{"key":"value"}""", await http.GetStringAsync(new Uri(sidecar.HttpEndpoint, "/v1.0/secrets/secrets/key")));
        Assert.True(File.Exists(Path.Combine(_folder.Data, "state.db")));
    }

    [Fact]
    public async Task A_secret_reference_is_filled_in_before_the_component_starts()
    {
        _folder.Component("secrets", "secretstores.local.file", ("secretsFile", Path.Combine(_folder.Resources, "secrets.json")))
            .With("secrets.json", """{"path":"from-secret.db"}""")
            .With("state.yaml", "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata:\n  name: state\nspec:\n  type: state.sqlite\n  version: v1\n  metadata:\n  - name: connectionString\n    secretKeyRef:\n      name: path\n      key: path\nauth:\n  secretStore: secrets\n");

        await using var sidecar = await Sidecar.StartAsync(_folder.Options("app"));

        Assert.True(File.Exists(Path.Combine(_folder.Data, "from-secret.db")));
    }

    [Theory]
    [InlineData("1h30m", 5400)]
    [InlineData("1.5s", 1.5)]
    [InlineData("300ms", 0.3)]
    [InlineData("0h0m0s300ms", 0.3)]
    [InlineData("-5s", -5)]
    [InlineData("0", 0)]
    public void Go_durations_are_read(string text, double seconds)
    {
        Assert.True(Durations.TryParseGo(text, out var duration));
        Assert.Equal(seconds, duration.TotalSeconds, 6);
    }

    [Theory]
    [InlineData("5")]
    [InlineData("whenever")]
    [InlineData("")]
    [InlineData("5 s")]
    public void Other_texts_are_no_go_durations(string text) => Assert.False(Durations.TryParseGo(text, out _));

    [Theory]
    [InlineData("PT10S", 10, null)]
    [InlineData("R5/PT1M", 60, 5)]
    [InlineData("P1W", 604800, null)]
    [InlineData("@every 1h0m0s", 3600, null)]
    public void Periods_are_read(string text, double seconds, int? repetitions)
    {
        Assert.True(Durations.TryParsePeriod(text, out var period, out var times));
        Assert.Equal(seconds, period.TotalSeconds, 6);
        Assert.Equal(repetitions, times);
    }
}
