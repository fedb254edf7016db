using Lavka.Sidecar.Resources;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests;

/// <summary>Resources and data of a sidecar in a test.</summary>
internal sealed class SidecarFolder : IDisposable
{
    private readonly TempFolder _folder = new();

    public string Resources => Path.Combine(_folder.Path, "resources");

    public string Data => Path.Combine(_folder.Path, "data");

    public SidecarFolder Component(string name, string type, params (string Name, string Value)[] metadata)
    {
        var fields = metadata.Length == 0 ? " []" : string.Concat(metadata.Select(field => $"\n  - name: {field.Name}\n    value: '{field.Value.Replace("'", "''", StringComparison.Ordinal)}'"));
        return With($"{name}.yaml", $"apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata:\n  name: {name}\nspec:\n  type: {type}\n  version: {ComponentTypes.VersionOf(type)}\n  metadata:{fields}\n");
    }

    public SidecarFolder With(string file, string yaml)
    {
        _folder.Write(Path.Combine("resources", file), yaml);
        return this;
    }

    public SidecarOptions Options(
        string appId, int? appPort = null, SidecarMesh? mesh = null, TimeProvider? time = null, AppProtocol protocol = AppProtocol.Http) => new()
        {
            AppId = appId,
            AppPort = appPort,
            AppProtocol = protocol,
            ResourcesPaths = [Resources],
            DataPath = Data,
            WorkingPath = Resources,
            Mesh = mesh,
            Time = time ?? TimeProvider.System,
        };

    public void Dispose() => _folder.Dispose();
}
