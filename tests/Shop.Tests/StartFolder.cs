using System.Runtime.CompilerServices;
using Lavka.Testing;

namespace Lavka.Shop.Tests;

/// <summary>Files that resources name count from where a sidecar is started: here, as for a user, from the repository.</summary>
internal static class StartFolder
{
    [ModuleInitializer]
    internal static void Set() => Directory.SetCurrentDirectory(Repository.Root);
}
