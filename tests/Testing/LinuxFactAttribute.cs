using Xunit;

namespace Lavka.Testing;

/// <summary>A test that looks at processes as Linux shows them.</summary>
public sealed class LinuxFactAttribute : FactAttribute
{
    public LinuxFactAttribute() => Skip = OperatingSystem.IsLinux() ? null : "It looks at processes through /proc, which only Linux has.";
}
