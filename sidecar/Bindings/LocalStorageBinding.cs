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

    public IReadOnlyList<string> Capabilities { get; } = [];

    public async Task<BindingAnswer> Invoke(string operation, byte[] data, IReadOnlyDictionary<string, string> metadata, CancellationToken stop)
    {
        var name = metadata.GetValueOrDefault("fileName");
        switch (operation)
        {
            case "create":
                var created = PathOf(string.IsNullOrEmpty(name) ? Guid.NewGuid().ToString() : name);
                Directory.CreateDirectory(Path.GetDirectoryName(created)!);
                await File.WriteAllBytesAsync(created, data, stop);
                return Json(new Dictionary<string, string> { ["fileName"] = created });
            case "get":
                return new(await File.ReadAllBytesAsync(Existing(name), stop), BindingAnswer.Nothing.Metadata);
            case "list":
                var folder = string.IsNullOrEmpty(name) ? _root : PathOf(name);
                return Directory.Exists(folder)
                    ? Json(Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal).ToArray())
                    : throw new BindingException($"{name} is no folder of this binding");
            default:
                File.Delete(Existing(name));
                return BindingAnswer.Nothing;
        }
    }

    public ValueTask DisposeAsync() => default;

    private static BindingAnswer Json<T>(T value) => new(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(value)), BindingAnswer.Nothing.Metadata);

    private string Existing(string? name)
    {
        if (string.IsNullOrEmpty(name))
        {
            throw new BindingException("required metadata not set: fileName");
        }

        var path = PathOf(name);
        return File.Exists(path) ? path : throw new BindingException($"file not found: {name}");
    }

    private string PathOf(string name)
    {
        var path = Path.GetFullPath(Path.Join(_root, name));
        return path.StartsWith(_root + Path.DirectorySeparatorChar, StringComparison.Ordinal) ? path : throw new BindingException($"'{name}' is outside of the binding's rootPath");
    }
}
