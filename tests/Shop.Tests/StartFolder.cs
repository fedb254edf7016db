using System.Runtime.CompilerServices;
using Lavka.Testing;

namespace Lavka.Shop.Tests;

/// <summary>Files that resources name count from where a sidecar is started: for a user, from its service's folder. All services' folders are side by side, so one of them does for all.</summary>
internal static class StartFolder
{
    [ModuleInitializer]
    internal static void Set() => Directory.SetCurrentDirectory(Path.Combine(Repository.Root, "services", "Gateway"));
}
