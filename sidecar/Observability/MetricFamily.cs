using System.Collections.Concurrent;
using System.Globalization;
using System.Text;

namespace Lavka.Sidecar.Observability;

/// <summary>
/// A Prometheus counter with its label values, a histogram, or a counter and a histogram that are counted together (prometheus.io: text exposition format 0.0.4).
/// </summary>
/// <param name="counter">The counter's name, or null.</param>
/// <param name="help">One sentence about it.</param>
/// <param name="labels">The label names, in the order of the values.</param>
/// <param name="histogram">The histogram's name, or null.</param>
/// <param name="bounds">Its bucket bounds, ascending.</param>
internal sealed class MetricFamily(string? counter, string help, string[] labels, string? histogram = null, double[]? bounds = null)
{
    /// <summary>Another counter that counts the same; null: none.</summary>
    public (string Name, string Help)? Twin { get; init; }

    /// <summary>Label values as a key. The names are few, so the values are compared one by one.</summary>
    private readonly struct Key(string[] values) : IEquatable<Key>
    {
        public string[] Values => values;

        public bool Equals(Key other) => values.AsSpan().SequenceEqual(other.Values);

        public override bool Equals(object? obj) => obj is Key other && Equals(other);

        public override int GetHashCode()
        {
            var hash = new HashCode();
            foreach (var value in values)
            {
                hash.Add(value);
            }

            return hash.ToHashCode();
        }
    }

    private sealed class Series(int buckets)
    {
        private readonly long[] _buckets = new long[buckets];
        private double _sum;

        public (long[] Buckets, double Sum) Read()
        {
            lock (_buckets)
            {
                return ((long[])_buckets.Clone(), _sum);
            }
        }

        public void Add(int bucket, double value)
        {
            lock (_buckets)
            {
                _buckets[bucket]++;
                _sum += value;
            }
        }
    }

    // Paths and the like are the callers' to choose. When there are so many series, others are counted under an empty one, as daprd does where paths are left out.
    private const int MostSeries = 1000;
    private static readonly string[] Chosen = ["path", "topic", "method", "grpc_server_method", "grpc_client_method"];

    private readonly ConcurrentDictionary<Key, Series> _series = new();

    /// <summary>Counts one, or puts a value into its bucket.</summary>
    public void Record(double value, params string[] labelValues)
    {
        var key = new Key(labelValues);
        if (!_series.TryGetValue(key, out var series))
        {
            if (_series.Count >= MostSeries)
            {
                key = new([.. labelValues.Select((value, i) => Chosen.Contains(labels[i]) ? "" : value)]);
            }

            series = _series.GetOrAdd(key, _ => new Series((bounds?.Length ?? 0) + 1));
        }

        var bucket = bounds is null ? 0 : Array.BinarySearch(bounds, value) is var found && found >= 0 ? found + 1 : ~found;
        series.Add(bucket, value);
    }

    public void Write(StringBuilder text)
    {
        if (_series.IsEmpty)
        {
            return;
        }

        if (counter is not null)
        {
            WriteCounter(text, counter, help);
        }

        if (Twin is var (name, about))
        {
            WriteCounter(text, name, about);
        }

        if (bounds is null)
        {
            return;
        }

        text.Append(CultureInfo.InvariantCulture, $"# HELP {histogram} {(counter is null ? help : "Latency in milliseconds.")}\n# TYPE {histogram} histogram\n");
        foreach (var (key, series) in _series)
        {
            var (buckets, sum) = series.Read();
            var pairs = Labels(key);
            var count = 0L;
            for (var i = 0; i < buckets.Length; i++)
            {
                count += buckets[i];
                var bound = i < bounds.Length ? Number(bounds[i]) : "+Inf";
                text.Append(CultureInfo.InvariantCulture, $"{histogram}_bucket{{{pairs},le=\"{bound}\"}} {count}\n");
            }

            text.Append(CultureInfo.InvariantCulture, $"{histogram}_sum{{{pairs}}} {sum}\n{histogram}_count{{{pairs}}} {count}\n");
        }
    }

    private void WriteCounter(StringBuilder text, string name, string about)
    {
        text.Append(CultureInfo.InvariantCulture, $"# HELP {name} {about}\n# TYPE {name} counter\n");
        foreach (var (key, series) in _series)
        {
            text.Append(CultureInfo.InvariantCulture, $"{name}{{{Labels(key)}}} {series.Read().Buckets.Sum()}\n");
        }
    }

    // As Go writes it, since it is a label.
    private static string Number(double bound) =>
        bound.ToString(bound < 1e6 ? "0.################" : "0.################e+00", CultureInfo.InvariantCulture);

    private string Labels(Key key) => string.Join(',', labels.Select((label, i) => $"{label}=\"{Escape(key.Values[i])}\""));

    private static string Escape(string value) => value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
}
