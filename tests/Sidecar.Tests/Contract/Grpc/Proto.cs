using System.Collections;
using System.Globalization;
using System.Text.Json;
using Dapr.AppCallback.Autogen.Grpc.v1;
using Dapr.Client.Autogen.Grpc.v1;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Grpc.Health.V1;
using Playground.Echo.V1;

namespace Lavka.Sidecar.Tests.Contract.Grpc;

/// <summary>The services and messages that the recordings speak of, and their canonical proto3 JSON.</summary>
internal static class Proto
{
    private const string TypePrefix = "type.googleapis.com/";

    private static readonly FileDescriptor[] Files =
    [
        DaprReflection.Descriptor, AppcallbackReflection.Descriptor, HealthReflection.Descriptor, EchoReflection.Descriptor, ErrorDetailsReflection.Descriptor,
        WrappersReflection.Descriptor, StructReflection.Descriptor, global::Grpc.Reflection.V1.ReflectionReflection.Descriptor, global::Grpc.Reflection.V1Alpha.ReflectionReflection.Descriptor,
    ];

    private static readonly TypeRegistry Types = TypeRegistry.FromFiles(Files);
    private static readonly JsonParser Parser = new(new JsonParser.Settings(100, Types));
    private static readonly JsonFormatter Formatter = new(new JsonFormatter.Settings(false, Types));
    private static readonly Marshaller<byte[]> Bytes = Marshallers.Create<byte[]>(bytes => bytes, bytes => bytes);

    /// <summary>The methods of the app's services that Dapr calls.</summary>
    public static IEnumerable<MethodDescriptor> Callbacks { get; } = [.. AppcallbackReflection.Descriptor.Services.SelectMany(service => service.Methods)];

    /// <summary>A recorded call's full name: <c>GetState</c> is one of Dapr's, <c>Echo/Unary</c> one of the app's.</summary>
    public static string FullName(string call) => call.Split('/') switch
    {
        [var method] => $"dapr.proto.runtime.v1.Dapr/{method}",
        ["Dapr" or "AppCallback", _] => $"dapr.proto.runtime.v1.{call}",
        ["Echo", _] => $"playground.echo.v1.{call}",
        _ => call,
    };

    /// <summary>The method of a full name; null: nobody has it.</summary>
    public static MethodDescriptor? Find(string fullName) =>
        Files.SelectMany(file => file.Services).SelectMany(service => service.Methods).FirstOrDefault(method => NameOf(method) == fullName);

    public static string NameOf(MethodDescriptor method) => $"{method.Service.FullName}/{method.Name}";

    /// <summary>A method whose messages are plain bytes.</summary>
    public static Method<byte[], byte[]> Raw(string fullName, MethodType type)
    {
        var parts = fullName.Split('/');
        return new(type, parts[0], parts[1], Bytes, Bytes);
    }

    public static IMessage Parse(MessageDescriptor type, string json)
    {
        var message = Parser.Parse(json, type);
        EachAny(message, any =>
        {
            if (any.TryUnpack<RawAny>(out var raw))
            {
                (any.TypeUrl, any.Value) = (raw.TypeUrl, raw.Value);
            }
        });
        return message;
    }

    public static JsonElement Print(MessageDescriptor type, byte[] bytes) => Print(type.Parser.ParseFrom(bytes));

    public static JsonElement Print(IMessage message)
    {
        EachAny(message, any =>
        {
            if (!any.TypeUrl.StartsWith(TypePrefix, StringComparison.Ordinal) || Types.Find(any.TypeUrl[TypePrefix.Length..]) is null)
            {
                var raw = new RawAny { TypeUrl = any.TypeUrl, Value = any.Value };
                (any.TypeUrl, any.Value) = (TypePrefix + RawAny.Descriptor.FullName, raw.ToByteString());
            }
        });
        return JsonDocument.Parse(Formatter.Format(message)).RootElement;
    }

    /// <summary>Of a name as gRPC's documents spell it, for example <c>NOT_FOUND</c>.</summary>
    public static StatusCode Code(string name) => System.Enum.Parse<StatusCode>(name.Replace("_", "", StringComparison.Ordinal), ignoreCase: true);

    /// <summary>The value of a metadata entry as the recordings write it.</summary>
    public static string Text(string key, ReadOnlySpan<byte> binary)
    {
        // OpenCensus' binary form: a version, then field 0 (16 bytes), field 1 (8 bytes), field 2 (1 byte), each with its number before it.
        if (key == "grpc-trace-bin" && binary.Length == 29)
        {
            return string.Create(CultureInfo.InvariantCulture, $"00-{Convert.ToHexStringLower(binary[2..18])}-{Convert.ToHexStringLower(binary[19..27])}-{binary[28]:x2}");
        }

        return "base64:" + Convert.ToBase64String(binary);
    }

    private static void EachAny(IMessage message, Action<Any> act)
    {
        if (message is Any one)
        {
            act(one);
            return;
        }

        foreach (var field in message.Descriptor.Fields.InDeclarationOrder().Where(field => field.IsMap || field.FieldType == FieldType.Message))
        {
            IEnumerable values = field.Accessor.GetValue(message) switch
            {
                IDictionary map => map.Values,
                IList list => list,
                var value => new[] { value },
            };
            foreach (var inner in values.OfType<IMessage>())
            {
                EachAny(inner, act);
            }
        }
    }
}
