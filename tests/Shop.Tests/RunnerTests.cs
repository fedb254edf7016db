using System.Globalization;
using System.Text.RegularExpressions;
using Lavka.Testing;

namespace Lavka.Shop.Tests;

/// <summary>The shop as processes: the runner, and a service killed with -9 at a time.</summary>
[Collection(ProcessesCollection.Name)]
public sealed class RunnerTests(RunnerTests.Shop shop) : IClassFixture<RunnerTests.Shop>, IDisposable
{
    private readonly TempFolder _folder = new();

    public sealed class Shop() : RunningShop("embedded", "sqlite");

    public void Dispose() => _folder.Dispose();

    [LinuxFact]
    public async Task The_audit_holds_while_every_service_is_killed_once()
    {
        var runner = await shop.Running();
        using var demo = await shop.Demo(300);

        foreach (var service in runner.Services().Select(one => one.Name).Order(StringComparer.Ordinal))
        {
            // In the middle of the load, one after the other.
            RunnerProcess.Kill(runner.Services().Single(one => one.Name == service).Id);
            await Eventually.Holds(() => runner.Services().Any(one => one.Name == service), $"{service} to be started again");
        }

        Assert.True(await demo.ExitCode() == 0, demo.Output);
    }

    [LinuxFact]
    public async Task The_audit_holds_after_the_runner_was_killed_and_started_again_on_its_data()
    {
        var runner = await shop.Running();
        using (var demo = await shop.Demo(150))
        {
            await demo.WaitFor("orders placed");
            runner.Kill();
            demo.Kill();
            await Eventually.Holds(() => runner.Services().Count == 0, "the services to follow the runner");
        }

        using var again = await shop.Demo(50);

        Assert.True(await again.ExitCode() == 0, again.Output);
    }

    [LinuxFact]
    public async Task The_bench_measures_a_shop_that_runs_and_sees_every_order_end()
    {
        await shop.Running();
        using var bench = new RunnerProcess(
            [typeof(Run.RunFile).Assembly.Location, "--bench", "2", "--rate", "10", "--gateway", shop.Cell.Shop.Gateway.ToString(), "--operator-password", "lavka-operator"]);

        Assert.True(await bench.ExitCode() == 0, bench.Output);
        Assert.Matches("[1-9][0-9]* orders a second", bench.Output);
        Assert.Matches(@"at its end +│ [0-9.]+ s │", bench.Output);
        Assert.Matches("│ Orders +│ [0-9.]+ ", bench.Output);
    }

    [LinuxFact]
    public async Task Interrupted_it_leaves_no_process()
    {
        var runner = await shop.Running();
        Assert.Equal(Run.RunFile.Load(shop.Cell.Shop.RunFile).Count(app => Run.Prerequisites.WhatIsMissing(app) is null), runner.Services().Count);

        runner.Interrupt();

        Assert.Equal(0, await runner.ExitCode());
        Assert.Empty(runner.Services());
        using var topics = Topics(shop.Cell.Shop);
        Assert.Equal(1, await topics.ExitCode());
        Assert.Contains("No sidecar answers", topics.Output, StringComparison.Ordinal);
    }

    [LinuxFact]
    public async Task Topics_shows_every_consumer_group_of_the_running_shop()
    {
        await shop.Running();

        await Eventually.Get(async () =>
        {
            using var topics = Topics(shop.Cell.Shop);
            Assert.Equal(0, await topics.ExitCode());
            return NothingWaits("orders", "payments").IsMatch(topics.Output) && NothingWaits("inventory", "orders").IsMatch(topics.Output) ? "" : null;
        }, "nothing to wait");

        static Regex NothingWaits(string topic, string group) => new($"│ {topic} +│ {group} +│ 0 +│ [0-9]+ ");
    }

    [Fact]
    public async Task Topics_takes_no_answer_of_something_else_at_a_sidecars_port()
    {
        await using var other = await ScriptedApp.Start(_ => Answer.Json("<html/>"));
        using var folder = new ShopFolder();
        var port = Run.RunFile.Load(folder.RunFile)[0].HttpPort;
        File.WriteAllText(folder.RunFile, File.ReadAllText(folder.RunFile).Replace($"{port}", $"{other.Port}", StringComparison.Ordinal));
        using var topics = Topics(folder);

        Assert.Equal(1, await topics.ExitCode());
        Assert.Contains("No sidecar answers", topics.Output, StringComparison.Ordinal);
    }

    [LinuxFact]
    public async Task What_cannot_be_started_is_left_out_and_everything_else_starts()
    {
        _folder.Write("js/package.json", """{"dependencies":{"left-pad":"1.3.0"}}""");
        _folder.Write("plain/package.json", """{"scripts":{"start":"true"}}""");
        var file = _folder.Write("dapr.yaml", $$"""
            version: 1
            apps:
            - {appID: fine, appDirPath: plain, daprHTTPPort: {{Ports.Free()}}, command: [sleep, "60"]}
            - {appID: elsewhere, appDirPath: ., daprHTTPPort: {{Ports.Free()}}, command: [no-such-program]}
            - {appID: fresh, appDirPath: js, daprHTTPPort: {{Ports.Free()}}, command: [sleep, "60"]}
            """);
        using var runner = Start(file, "--data", _folder.Path);

        await runner.WaitFor("Ready after");

        Assert.Contains("elsewhere is left out: there is no 'no-such-program' on the PATH.\n", runner.Output, StringComparison.Ordinal);
        Assert.Matches("fresh is left out: run 'npm ci' in .*js first\\.\n", runner.Output);
        Assert.Contains("│ fine ", runner.Output, StringComparison.Ordinal);
        Assert.DoesNotMatch("│ (elsewhere|fresh) ", runner.Output);
        runner.Interrupt();
        Assert.Equal(0, await runner.ExitCode());
    }

    [Theory]
    [InlineData("", "does not exist")]
    [InlineData("apps: [", "line 2")]
    [InlineData("version: 1\napps: []", "no apps")]
    [InlineData("version: 1\napps:\n- appID: a\n  appDirPath: nowhere\n  command: [x]", "nowhere")]
    [InlineData("version: 1\napps:\n- appID: a\n  appDirPath: .\n", "no command")]
    [InlineData("version: 1\napps:\n- {appID: a, appDirPath: ., appPort: 7000, command: [x]}\n- {appID: b, appDirPath: ., appPort: 7000, command: [x]}", "7000")]
    public async Task A_wrong_run_file_is_one_clear_sentence(string yaml, string says)
    {
        var file = yaml.Length == 0 ? Path.Combine(_folder.Path, "none.yaml") : _folder.Write("dapr.yaml", yaml);
        using var runner = Start(file, "--data", _folder.Path);

        Assert.Equal(1, await runner.ExitCode());
        Assert.Contains(says, runner.Output, StringComparison.Ordinal);
        Assert.Single(runner.Output.Trim().Split('\n'));
    }

    [Fact]
    public async Task A_port_in_use_is_named()
    {
        await using var other = await ScriptedApp.Start(_ => new(200));
        var file = _folder.Write("dapr.yaml", $"version: 1\napps:\n- {{appID: a, appDirPath: ., appPort: {other.Port}, daprHTTPPort: {Ports.Free()}, command: [sleep, \"60\"]}}");
        using var runner = Start(file, "--data", _folder.Path);

        Assert.Equal(1, await runner.ExitCode());
        Assert.Contains(other.Port.ToString(CultureInfo.InvariantCulture), runner.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--gateway http://127.0.0.1:1 --demo 5", "There is no shop at http://127.0.0.1:1/")]
    [InlineData("--gateway OTHER --demo 5", "is not the shop's Gateway")]
    [InlineData("--gateway OTHER", "--demo, --hot-item or --bench")]
    [InlineData("--gateway localhost --demo 5", "write it like http://localhost:8080")]
    [InlineData("--gateway OTHER --demo 0", "a whole number from 1")]
    [InlineData("--gateway OTHER --bench 0", "allowed are 1 to 86400 seconds")]
    [InlineData("--gateway OTHER --demo 5 --rate 3", "--rate and --metrics are for --bench")]
    [InlineData("--gateway OTHER --demo 5 --fresh", "--fresh, --data and --scale")]
    [InlineData("--gateway OTHER --demo 5 --scale orders=2", "--fresh, --data and --scale")]
    public async Task What_cannot_be_done_in_a_running_shop_is_one_clear_sentence(string arguments, string says)
    {
        await using var other = await ScriptedApp.Start(_ => Answer.Json("<html/>"));
        using var runner = new RunnerProcess([typeof(Run.RunFile).Assembly.Location, .. arguments.Replace("OTHER", $"http://127.0.0.1:{other.Port}", StringComparison.Ordinal).Split(' ')]);

        Assert.Equal(1, await runner.ExitCode());
        Assert.Contains(says, runner.Output, StringComparison.Ordinal);
        Assert.Single(runner.Output.Trim().Split('\n'));
    }

    [Fact]
    public async Task In_production_the_development_secrets_are_refused_by_name()
    {
        using var shop = new ShopFolder();
        File.WriteAllText(shop.RunFile, File.ReadAllText(shop.RunFile).Replace("  env:\n", "  env:\n    ASPNETCORE_ENVIRONMENT: Production\n", StringComparison.Ordinal));
        using var runner = shop.Start();

        foreach (var name in new[] { "token-key", "operator-password", "carrier-key" })
        {
            await runner.WaitFor($"the secret '{name}' is the one of components/secrets.json");
        }

        await runner.WaitFor("the process has ended with exit code 1");
    }

    private static RunnerProcess Topics(ShopFolder shop) => new([typeof(Run.RunFile).Assembly.Location, "topics", "--run-file", shop.RunFile, "--data", shop.DataPath]);

    private static RunnerProcess Start(string runFile, params string[] arguments) =>
        new([typeof(Run.RunFile).Assembly.Location, "--run-file", runFile, .. arguments]);
}
