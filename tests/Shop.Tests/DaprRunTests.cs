using System.Globalization;
using System.Text.RegularExpressions;
using Lavka.Run;
using Lavka.Testing;

namespace Lavka.Shop.Tests;

/// <summary>The shop on the real Dapr, by the lines of README.md.</summary>
[Collection(ProcessesCollection.Name)]
[Trait("Needs", "Dapr")]
public sealed partial class DaprRunTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [DaprFact]
    public async Task What_README_says_about_Dapr_itself_works_as_it_says()
    {
        var clone = Clone();
        string[] run = Blocks("Run it on Dapr itself")[0].Split('\n'), afterwards = Blocks("Run it on Dapr itself")[1].Split('\n');
        Assert.StartsWith("dotnet build", run[0], StringComparison.Ordinal);
        Assert.Equal("dapr run -f dapr.yaml", run[^1]);
        Assert.Equal("dapr stop -f dapr.yaml", afterwards[0]);
        _folder.Write("run.sh", string.Join('\n', run[1..]));
        _folder.Write("place.sh", string.Join('\n', Blocks("Place an order")));
        var apps = RunFile.Load(Path.Combine(clone, "dapr.yaml"));
        var script = _folder.Write("test.sh", $$"""
            {{Up(clone)}}
            timeout 60 bash -eo pipefail $out/place.sh > $out/place.log 2>&1; echo "placed: $?"
            timeout 150 dotnet {{typeof(RunFile).Assembly.Location}} --demo 100 --gateway http://localhost:8080 2>&1; echo "demo: $?"
            {{afterwards[0]}}; echo "stopped: $?"
            for i in $(seq 300); do ps -e -o comm= | grep -qE '^(dapr|daprd|dotnet|node)$' || break; sleep .1; done
            ps -e -o comm= > $out/left.log
            cat services/*/.dapr/logs/*_daprd_*.log > $out/daprd.log
            ls services/Notifications/sent/mail | wc -l > $out/mail.log
            git ls-files --others --exclude-standard > $out/not-ignored.log
            {{afterwards[1]}} > $out/clean.log; echo "cleaned: $?"
            git ls-files --others > $out/not-cleaned.log
            """);

        var output = await InNamespace(script, "up", "placed", "demo", "stopped", "cleaned");

        Assert.Contains("\"status\":\"delivered\"", Read("place.log"), StringComparison.Ordinal);
        Assert.Contains("\"on_hand\":8", Read("place.log"), StringComparison.Ordinal);
        Assert.Contains("\"template\":\"order_confirmation\"", Read("place.log"), StringComparison.Ordinal);
        Assert.Matches("│ points = paid orders +│ holds ", output);
        Assert.NotEqual(0, int.Parse(Read("mail.log"), CultureInfo.InvariantCulture));
        Assert.Empty(Read("left.log").Split('\n').Intersect(["dapr", "daprd", "dotnet", "node"]));
        Assert.Empty(Read("not-ignored.log"));
        Assert.Empty(Read("not-cleaned.log"));
        Assert.Equal(apps.Count, Start().Count(Read("daprd.log")));
        Assert.DoesNotContain("it will not be loaded", Read("daprd.log") + Read("run.log"), StringComparison.Ordinal);
    }

    [DaprRabbitMqFact]
    public async Task Every_order_ends_on_the_real_Dapr_although_RabbitMq_loses_events_and_is_killed()
    {
        var clone = Clone();
        foreach (var file in Directory.EnumerateFiles(Path.Combine(clone, "components", "rabbitmq")))
        {
            File.Copy(file, Path.Combine(clone, "components", "local", Path.GetFileName(file)), overwrite: true);
        }

        // The groups that carry an order on, each with a component of its own for each of its topics, so that the lossy one is not disturbed by itself when RabbitMQ is back.
        (string Group, string Topic)[] listening =
        [
            ("inventory", "catalog"), ("inventory", "orders"), ("orders", "catalog"), ("orders", "inventory"), ("orders", "payments"), ("orders", "shipping"), ("payments", "orders"),
            ("payments", "payments"), ("shipping", "orders"), ("shipping", "shipping"),
        ];
        var component = await File.ReadAllTextAsync(Path.Combine(clone, "components", "rabbitmq", "pubsub.yaml"));
        foreach (var (group, topic) in listening)
        {
            _folder.Write(Path.Combine("lossy", $"{group}-{topic}.yaml"), component.Replace("  name: pubsub\n", $"  name: lossy-{group}-{topic}\n", StringComparison.Ordinal)
                .Replace("  metadata:\n", $"  metadata:\n  - name: consumerID\n    value: {group}\n", StringComparison.Ordinal).Replace("\"100\"", "\"1\"", StringComparison.Ordinal));
        }

        _folder.Write("run.sh", "export APP_API_TOKEN=$(head -c 24 /dev/urandom | base64) SUBSCRIBE_APART=true\nexec dapr run -f dapr.yaml");
        var script = _folder.Write("test.sh", $$"""
            export RABBITMQ_NODENAME=lavka@localhost RABBITMQ_LOGS=- RUNNING_UNDER_SYSTEMD=true
            export RABBITMQ_MNESIA_BASE={{_folder.Path}}/mnesia RABBITMQ_LOG_BASE={{_folder.Path}} RABBITMQ_PID_FILE={{_folder.Path}}/rabbit.pid RABBITMQ_ENABLED_PLUGINS_FILE={{_folder.Path}}/plugins
            rabbit() { {{RabbitMqServer.ProgramPath}} >> {{_folder.Path}}/rabbit.log 2>&1 & rabbit=$!; until (echo > /dev/tcp/127.0.0.1/5672) 2> /dev/null; do sleep .2; done; }
            rabbit
            {{Up(clone)}}
            APP_PORT=5199 LOSSY_GROUPS='{{string.Join('\n', listening.Select(one => $"{one.Group} {one.Topic} lossy-{one.Group}-{one.Topic}"))}}' node {{Path.Combine(Repository.Root, "tests", "Shop.Tests", "lossy-consumer.js")}} > $out/lost.log 2>&1 &
            daprd --app-id lossy --app-port 5199 --dapr-http-port 3599 --dapr-grpc-port 50099 --dapr-internal-grpc-port 50098 --metrics-port 9599 --resources-path $out/lossy \
                --placement-host-address '' --scheduler-host-address '' > $out/lossy.log 2>&1 &
            for i in $(seq 100); do curl -sf localhost:3599/v1.0/healthz && break; sleep .2; done
            timeout ${DEMO_SECONDS:-420} dotnet {{typeof(RunFile).Assembly.Location}} --demo ${DEMO_ORDERS:-20} --gateway http://localhost:8080 > $out/demo.log 2>&1 &
            demo=$!
            for kill in $(seq ${RABBIT_KILLS:-1}); do
                sleep 12
                kill -9 $rabbit
                sleep 2
                rabbit
            done
            wait $demo; rc=$?; cat $out/demo.log; echo "demo: $rc"
            [ $rc = 0 ] || { cat $out/lost.log; {{Path.Combine(Path.GetDirectoryName(RabbitMqServer.ProgramPath) ?? "", "rabbitmqctl")}} -q list_queues name messages_ready messages_unacknowledged consumers; }
            dapr stop -f dapr.yaml; echo "stopped: $?"
            """);

        var output = await InNamespace(script, "up", "demo", "stopped");

        Assert.Matches("│ points = paid orders +│ holds ", output);
        string[] lost =
        [
            "inventory product.created", "inventory order.created", "inventory order.paid", "orders product.created", "orders stock.reserved", "orders payment.completed",
            "orders shipment.dispatched", "orders shipment.delivered", "payments order.confirmed", "shipping order.paid", "shipping shipment.dispatched",
        ];
        Assert.Empty(lost.Except(Read("lost.log").Split('\n').Select(line => line.Replace("lost ", "", StringComparison.Ordinal))));
    }

    /// <summary>The lines that start the shop by <c>run.sh</c>, and wait until it is up.</summary>
    private string Up(string clone) => $$"""
        out={{_folder.Path}}
        cd {{clone}}
        git init -q && git add -A
        bash $out/run.sh > $out/run.log 2>&1 &
        up() { for port in {{string.Join(' ', RunFile.Load(Path.Combine(clone, "dapr.yaml")).Select(app => app.HttpPort.ToString(CultureInfo.InvariantCulture)))}}; do curl -sf localhost:$port/v1.0/healthz || return; done; }
        for i in $(seq 100); do up && break; sleep 1; done
        up; rc=$?; echo "up: $rc"; [ $rc = 0 ] || { grep -hE 'level=(error|fatal)' services/*/.dapr/logs/*_daprd_*.log; exit; }
        """;

    /// <summary>Runs a script where Dapr is, and says what came of it if one of its steps has failed.</summary>
    private async Task<string> InNamespace(string script, params string[] steps)
    {
        var command = await Command.Run(Path.Combine(DaprFactAttribute.Folder, "in-namespace.sh"), [Path.Combine(_folder.Path, "home"), "bash", script], environment: [new("no_proxy", "*")]);
        foreach (var step in steps)
        {
            Assert.True(command.Output.Contains($"{step}: 0\n", StringComparison.Ordinal), $"{command.Output}\n{command.Error}\n{Read("place.log")}\n{Read("run.log")}");
        }

        return command.Output;
    }

    /// <summary>What <c>git clone</c> and <c>dotnet build</c> leave, so far as a run needs it. Programs are linked; what is written must not end in the repository.</summary>
    private string Clone()
    {
        var clone = Path.Combine(_folder.Path, "clone");
        foreach (var file in Directory.EnumerateFiles(Path.Combine(Repository.Root, "components"), "*", SearchOption.AllDirectories).Append(Path.Combine(Repository.Root, "dapr.yaml")).Append(Path.Combine(Repository.Root, ".gitignore")))
        {
            _folder.Write(Path.Combine("clone", Path.GetRelativePath(Repository.Root, file)), File.ReadAllText(file));
        }

        foreach (var app in RunFile.Load(Path.Combine(Repository.Root, "dapr.yaml")))
        {
            var folder = Directory.CreateDirectory(Path.Combine(clone, Path.GetRelativePath(Repository.Root, app.Directory))).FullName;
            foreach (var entry in new DirectoryInfo(app.Directory).EnumerateFileSystemInfos().Where(entry => entry.Name is not ("sent" or ".dapr") && !entry.Name.Contains(".db", StringComparison.Ordinal)))
            {
                File.CreateSymbolicLink(Path.Combine(folder, entry.Name), entry.FullName);
            }
        }

        return clone;
    }

    private string Read(string log) => File.Exists(Path.Combine(_folder.Path, log)) ? File.ReadAllText(Path.Combine(_folder.Path, log)) : "";

    /// <summary>The lines for the shell in a section of README.md, a text for each block.</summary>
    private static List<string> Blocks(string section)
    {
        var text = File.ReadAllText(Path.Combine(Repository.Root, "README.md"));
        var start = text.IndexOf($"\n## {section}\n", StringComparison.Ordinal) + 1;
        Assert.NotEqual(0, start);
        return [.. Block().Matches(text[start..(text.IndexOf("\n## ", start, StringComparison.Ordinal) + 1)]).Select(match => match.Groups[1].Value)];
    }

    [GeneratedRegex("^```bash\n(.*?)\n```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex("msg=\"Starting Dapr Runtime")]
    private static partial Regex Start();
}
