using Lavka.Sidecar.Resources;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests.Contract;

public sealed class StartTests
{
    public static IEnumerable<object[]> Starts => Recording.Starts;

    [Theory]
    [MemberData(nameof(Starts))]
    public async Task It_starts_or_refuses_as_daprd_does(int index, string name)
    {
        using var folder = new TempFolder();
        var recorded = Recording.Start(index);
        foreach (var file in recorded.GetProperty("resources").EnumerateObject())
        {
            folder.Write(file.Name, file.Value.GetString()!);
        }

        var start = () => Sidecar.StartAsync(new() { AppId = "app1", ResourcesPaths = [folder.Path] });

        if (recorded.GetProperty("starts").GetBoolean())
        {
            await using var sidecar = await start();
            Assert.True(sidecar.Ready.IsCompletedSuccessfully, name);
        }
        else
        {
            // The message names the file.
            Assert.Contains(".yaml", (await Assert.ThrowsAsync<ResourceException>(start)).Message, StringComparison.Ordinal);
        }
    }
}
