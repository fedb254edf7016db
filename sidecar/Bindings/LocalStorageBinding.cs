using System.Text;
using System.Text.Json;
using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.Bindings;

/// <summary><c>bindings.localstorage</c> (Dapr: reference/components-reference/supported-bindings/localstorage): files below one folder.</summary>
internal sealed class LocalStorageBinding : IOutputBinding
{
    private readonly string _root;

    public LocalStorageBinding(ComponentMetadata metadata)
    {
        _root = metadata.DataPath(metadata.Required("rootPath"));
        Directory.CreateDirectory(_root);
    }

    public IReadOnlyList<string> Operations { get; } = ["create", "get", "list", "delete"];

    public IReadOnlyList<string> Capabilities { get; } = ["OUTPUT_BINDING"];

    public async Task<BindingAnswer> Invoke(string operation, byte[] data, IReadOnlyDictionary<string, string> metadata, CancellationToken stop)
    {
        var name = metadata.GetValueOrDefault("fileName") ?? "";
        var path = PathOf(name);
        switch (operation)
        {
            case "create":
                path = name.Length == 0 ? PathOf(Guid.NewGuid().ToString()) : path;
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                await File.WriteAllBytesAsync(path, Content(data), stop);
                return Json(new Dictionary<string, string> { ["fileName"] = Path.GetRelativePath(_root, path) });
            case "get":
                return new(File.Exists(path) && name.Length > 0 ? await File.ReadAllBytesAsync(path, stop) : throw Missing(name), BindingAnswer.Nothing.Metadata);
            case "list":
                return !Directory.Exists(path) ? throw new BindingException($"unable to list files as the file specified is not a directory: {name}")
                    : Walk(path).ToArray() is { Length: > 0 } files ? Json(files)
                    : Json<string[]?>(null);
            default:
                Delete(path, name);
                return BindingAnswer.Nothing;
        }
    }

    public ValueTask DisposeAsync() => default;

    private static BindingException Missing(string name) => new(name.Length == 0 ? "required metadata not set: fileName" : $"file not found: {name}");

    private static void Delete(string path, string name)
    {
        if (name.Length > 0 && File.Exists(path))
        {
            File.Delete(path);
        }
        else if (name.Length > 0 && Directory.Exists(path))
        {
            Directory.Delete(path);
        }
        else
        {
            throw Missing(name);
        }
    }

    // As Go walks a folder: each one's entries by name, folders among the files.
    private static IEnumerable<string> Walk(string folder) => Directory.EnumerateFileSystemEntries(folder).Order(StringComparer.Ordinal)
        .SelectMany(entry => Directory.Exists(entry) ? Walk(entry) : [entry]);

    /// <summary>What is written: a JSON string is the text it stands for, and a text that is Base64 the bytes that stands for.</summary>
    private static byte[] Content(byte[] data)
    {
        if (data is [(byte)'"', ..])
        {
            data = Encoding.UTF8.GetBytes(JsonDocument.Parse(data).RootElement.GetString()!);
        }

        var text = Encoding.UTF8.GetString(data);
        var bytes = new byte[text.Length];
        return !text.Any(char.IsWhiteSpace) && Convert.TryFromBase64String(text, bytes, out var length) ? bytes[..length] : data;
    }

    private static BindingAnswer Json<T>(T value) => new(JsonSerializer.SerializeToUtf8Bytes(value), BindingAnswer.Nothing.Metadata);

    /// <summary>A path below the root, whatever the name says: <c>..</c> does not lead out of it.</summary>
    private string PathOf(string name) => Path.GetFullPath(_root + Path.GetFullPath('/' + name)).TrimEnd('/');
}
