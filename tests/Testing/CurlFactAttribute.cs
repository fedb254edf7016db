using Xunit;

namespace Lavka.Testing;

/// <summary>A test of a shell script that calls the shop with curl.</summary>
public sealed class CurlFactAttribute : FactAttribute
{
    public CurlFactAttribute() => Skip = SearchPath.Has("sh") && SearchPath.Has("curl") ? null : "It runs a shell script that needs curl, and there is no sh or no curl on the PATH.";
}
