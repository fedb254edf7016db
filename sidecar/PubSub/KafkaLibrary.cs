using System.Reflection;
using System.Runtime.InteropServices;
using Confluent.Kafka;

namespace Lavka.Sidecar.PubSub;

/// <summary>Finds librdkafka where the package of it does not bring it along: as the system's own, under its own name.</summary>
internal static class KafkaLibrary
{
    private static readonly Lazy<bool> Loaded = new(Load);

    /// <exception cref="DllNotFoundException">There is none.</exception>
    public static void Ensure()
    {
        try
        {
            _ = Loaded.Value;
        }
        catch (Exception e) when (e is DllNotFoundException or InvalidOperationException or TypeInitializationException)
        {
            throw new DllNotFoundException($"pubsub.kafka needs librdkafka, which is not there (Debian: apt-get install librdkafka1; macOS: brew install librdkafka): {e.Message}");
        }
    }

    private static bool Load()
    {
        NativeLibrary.SetDllImportResolver(typeof(Library).Assembly, Find);
        NativeLibrary.SetDllImportResolver(typeof(KafkaLibrary).Assembly, Find);
        return Library.IsLoaded || Library.Load(null);
    }

    private static nint Find(string name, Assembly assembly, DllImportSearchPath? where)
    {
        string? other = name switch
        {
            "librdkafka" => OperatingSystem.IsMacOS() ? "librdkafka.1.dylib" : "librdkafka.so.1",
            "libdl" => "libdl.so.2",
            _ => null,
        };
        return NativeLibrary.TryLoad(name, assembly, where, out var found) || (other is not null && NativeLibrary.TryLoad(other, out found)) ? found : 0;
    }
}
