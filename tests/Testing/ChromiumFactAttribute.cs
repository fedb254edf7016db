using Xunit;

namespace Lavka.Testing;

/// <summary>A test that looks at a page with Chromium, <see cref="Program"/>, for which that must be on the PATH.</summary>
public sealed class ChromiumFactAttribute : FactAttribute
{
    public const string Program = "chromium";

    public ChromiumFactAttribute() => Skip = SearchPath.Has(Program) ? null : $"It looks at a page with Chromium, and there is no {Program} on the PATH.";
}
