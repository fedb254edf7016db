using System.Text;
using System.Text.Json;

namespace Lavka.Sidecar.Bindings;

/// <summary>An operation's data as bindings take them that are about text: over HTTP they are JSON, over gRPC bytes as they stand.</summary>
internal static class BindingData
{
    /// <summary>A JSON string is the text it stands for; anything else is what it is.</summary>
    public static byte[] Unquote(byte[] data)
    {
        if (data is not [(byte)'"', .., (byte)'"'])
        {
            return data;
        }

        try
        {
            return JsonSerializer.Deserialize<string>(data) is { } text ? Encoding.UTF8.GetBytes(text) : data;
        }
        catch (JsonException)
        {
            return data;
        }
    }
}
