using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;

namespace Lavka.Sidecar.Testing;

/// <summary>
/// A Kafka cluster for tests: librdkafka's mock brokers, in this process, on ports of loopback that the system chooses, in memory. Any Kafka client can use it: it has partitions,
/// consumer groups, idempotent producers. A topic is there when it is first asked for, with four partitions. It keeps a topic's last messages only, about 5 MB of each partition.
/// </summary>
public sealed class KafkaMockCluster : IDisposable
{
    private const int Producer = 0;

    private readonly nint _client;
    private readonly nint _cluster;
    private readonly List<Socket> _held = [];

    // Which of the package's builds a system can load depends on its other libraries: Confluent.Kafka tries the same ones.
    static KafkaMockCluster() => NativeLibrary.SetDllImportResolver(typeof(KafkaMockCluster).Assembly, (name, assembly, paths) =>
    {
        string[] builds = name == "librdkafka" ? [name, $"centos8-{name}", $"alpine-{name}"] : [name];
        return builds.Select(build => NativeLibrary.TryLoad(build, assembly, paths, out var library) ? library : 0).FirstOrDefault(library => library != 0);
    });

    /// <param name="brokers">How many brokers.</param>
    /// <param name="rebalanceDelay">How long a new consumer group waits for more members before its first has partitions: a broker's <c>group.initial.rebalance.delay.ms</c>, and by default, as there, 3 s. Less makes a test quick in which members come one by one; where several come together, each that is late costs a rebalance.</param>
    public KafkaMockCluster(int brokers = 3, TimeSpan? rebalanceDelay = null)
    {
        Brokers = brokers;
        var problem = new byte[512];
        var configuration = rd_kafka_conf_new();
        _ = rd_kafka_conf_set(configuration, "test.mock.num.brokers", brokers.ToString(CultureInfo.InvariantCulture), problem, problem.Length);
        _client = rd_kafka_new(Producer, configuration, problem, problem.Length);
        _cluster = _client == 0 ? throw new InvalidOperationException(Encoding.UTF8.GetString(problem).TrimEnd('\0')) : rd_kafka_handle_mock_cluster(_client);
        BootstrapServers = Marshal.PtrToStringUTF8(rd_kafka_mock_cluster_bootstraps(_cluster))!;
        if (rebalanceDelay is { } delay)
        {
            rd_kafka_mock_group_initial_rebalance_delay_ms(_cluster, (int)delay.TotalMilliseconds);
        }
    }

    /// <summary>How many brokers there are.</summary>
    public int Brokers { get; }

    /// <summary>The brokers' addresses, for example <c>127.0.0.1:40001,127.0.0.1:40002</c>: the component's <c>brokers</c>.</summary>
    public string BootstrapServers { get; }

    /// <summary>Makes a topic with so many partitions.</summary>
    public void CreateTopic(string name, int partitions) => Check(rd_kafka_mock_topic_create(_cluster, name, partitions, Brokers));

    /// <summary>Takes every broker away: connections end, and none is taken, until <see cref="Resume"/>. What the brokers have, they keep.</summary>
    public void Stop()
    {
        ForEachBroker(broker => rd_kafka_mock_broker_set_down(_cluster, broker));

        // Their ports are theirs still: librdkafka ends the process if it finds one taken.
        ReleasePorts();
        foreach (var address in BootstrapServers.Split(','))
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            _held.Add(socket);
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            socket.Bind(IPEndPoint.Parse(address));
        }
    }

    /// <summary>The brokers are back.</summary>
    public void Resume()
    {
        ForEachBroker(broker => rd_kafka_mock_broker_set_up(_cluster, broker));
        ReleasePorts();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        rd_kafka_destroy(_client);
        ReleasePorts();
    }

    private void ReleasePorts()
    {
        _held.ForEach(socket => socket.Dispose());
        _held.Clear();
    }

    private void ForEachBroker(Func<int, int> change)
    {
        for (var broker = 1; broker <= Brokers; broker++)
        {
            Check(change(broker));
        }
    }

    private static void Check(int error)
    {
        if (error != 0)
        {
            throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"librdkafka answered with error {error}."));
        }
    }

#pragma warning disable IDE1006 // librdkafka's names.
    [DllImport("librdkafka")]
    private static extern nint rd_kafka_conf_new();

    [DllImport("librdkafka")]
    private static extern int rd_kafka_conf_set(nint configuration, [MarshalAs(UnmanagedType.LPUTF8Str)] string name, [MarshalAs(UnmanagedType.LPUTF8Str)] string value, byte[] problem, nint problemSize);

    [DllImport("librdkafka")]
    private static extern nint rd_kafka_new(int type, nint configuration, byte[] problem, nint problemSize);

    [DllImport("librdkafka")]
    private static extern void rd_kafka_destroy(nint client);

    [DllImport("librdkafka")]
    private static extern nint rd_kafka_handle_mock_cluster(nint client);

    [DllImport("librdkafka")]
    private static extern nint rd_kafka_mock_cluster_bootstraps(nint cluster);

    [DllImport("librdkafka")]
    private static extern void rd_kafka_mock_group_initial_rebalance_delay_ms(nint cluster, int delay);

    [DllImport("librdkafka")]
    private static extern int rd_kafka_mock_topic_create(nint cluster, [MarshalAs(UnmanagedType.LPUTF8Str)] string name, int partitions, int replication);

    [DllImport("librdkafka")]
    private static extern int rd_kafka_mock_broker_set_down(nint cluster, int broker);

    [DllImport("librdkafka")]
    private static extern int rd_kafka_mock_broker_set_up(nint cluster, int broker);
#pragma warning restore IDE1006
}
