using Xunit;

namespace Lavka.Testing;

/// <summary>A test that needs Linux.</summary>
public sealed class LinuxFactAttribute : FactAttribute
{
    public LinuxFactAttribute(string because = "It looks at processes through /proc, which only Linux has.") => Skip = OperatingSystem.IsLinux() ? null : because;
}
