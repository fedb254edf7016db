using System.Text;
using System.Text.Json;
using Lavka.Sidecar.Go;
using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.Bindings;

/// <summary><c>bindings.localstorage</c> (Dapr: reference/components-reference/supported-bindings/localstorage): files below one folder.</summary>
internal sealed class LocalStorageBinding : IOutputBinding
{
    // In bytes, on every common file system.
    private const int LongestName = 255;

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
        name = name.Length == 0 && operation == "create" ? Guid.NewGuid().ToString() : name;
        CheckName(name);
        var path = PathOf(name);
        switch (operation)
        {
            case "create":
                await Create(path, Content(data), stop);
                return Json(new Dictionary<string, string> { ["fileName"] = Path.GetRelativePath(_root, path) });
            case "get":
                return new(await Read(path, stop), BindingAnswer.Nothing.Metadata);
            case "list":
                return List(path);
            default:
                Delete(path);
                return BindingAnswer.Nothing;
        }
    }

    public ValueTask DisposeAsync() => default;

    private void CheckName(string name)
    {
        var problem = name.Contains('\0', StringComparison.Ordinal) ? "invalid argument"
            : Array.Exists(name.Split('/'), part => Encoding.UTF8.GetByteCount(part) > LongestName) ? "file name too long"
            : null;
        if (problem is not null)
        {
            throw new BindingException($"error getting absolute path for file {name}: lstat {_root}//{name}: {problem}");
        }
    }

    private static async Task Create(string path, byte[] content, CancellationToken cancellationToken)
    {
        var folder = Path.GetDirectoryName(path)!;
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception e) when (GoFileError.Is(e))
        {
            throw new BindingException($"error creating directory {folder}: {GoFileError.Of("mkdir", folder, e)}");
        }

        try
        {
            await File.WriteAllBytesAsync(path, content, cancellationToken);
        }
        catch (Exception e) when (GoFileError.Is(e))
        {
            throw new BindingException($"error creating file {path}: {GoFileError.Of("open", path, e)}");
        }
    }

    private static async Task<byte[]> Read(string path, CancellationToken cancellationToken)
    {
        try
        {
            return await File.ReadAllBytesAsync(path, cancellationToken);
        }
        catch (Exception e) when (GoFileError.Is(e))
        {
            var problem = GoFileError.Of(Directory.Exists(path) ? "read" : "open", path, e);
            throw new BindingException(problem.EndsWith("no such file or directory", StringComparison.Ordinal) ? $"file not found: {path}"
                : Directory.Exists(path) ? $"error reading file {path}: {problem}"
                : $"error opening path {path}: {problem}");
        }
    }

    private static BindingAnswer List(string path)
    {
        if (!Directory.Exists(path))
        {
            throw new BindingException(File.Exists(path) ? $"unable to list files as the file specified is not a directory: {path}"
                : $"error getting stats for path {path}: {GoFileError.Of("stat", path, new FileNotFoundException())}");
        }

        return Walk(path).ToArray() is { Length: > 0 } files ? Json(files) : Json<string[]?>(null);
    }

    private static void Delete(string path)
    {
        try
        {
            if (Directory.Exists(path))
            {
                Directory.Delete(path);
            }
            else if (File.Exists(path))
            {
                File.Delete(path);
            }
            else
            {
                throw new FileNotFoundException();
            }
        }
        catch (Exception e) when (GoFileError.Is(e))
        {
            throw new BindingException($"error deleting file {path}: {GoFileError.Of("remove", path, e)}");
        }
    }

    // As Go walks a folder: each one's entries by name, folders among the files.
    private static IEnumerable<string> Walk(string folder) => Directory.EnumerateFileSystemEntries(folder).Order(StringComparer.Ordinal)
        .SelectMany(entry => Directory.Exists(entry) ? Walk(entry) : [entry]);

    /// <summary>What is written: a JSON string is the text it stands for, and a text that is Base64 the bytes that stands for.</summary>
    private static byte[] Content(byte[] data)
    {
        data = BindingData.Unquote(data);
        var text = Encoding.UTF8.GetString(data);
        var bytes = new byte[text.Length];
        return !text.Any(char.IsWhiteSpace) && Convert.TryFromBase64String(text, bytes, out var length) ? bytes[..length] : data;
    }

    private static BindingAnswer Json<T>(T value) => new(JsonSerializer.SerializeToUtf8Bytes(value), BindingAnswer.Nothing.Metadata);

    /// <summary>A path below the root, whatever the name says: <c>..</c> does not lead out of it.</summary>
    private string PathOf(string name) => Path.GetFullPath(_root + Path.GetFullPath('/' + name)).TrimEnd('/');
}
