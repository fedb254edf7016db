using Lavka.Testing;

namespace Lavka.Deploy.Tests;

/// <summary>k8s/ is the chart.</summary>
public sealed class ManifestTests
{
    public static TheoryData<string> Overlays => [.. Manifests.Overlays];

    [HelmFact]
    public async Task The_manifests_are_what_the_chart_renders()
    {
        if (Environment.GetEnvironmentVariable("LAVKA_WRITE_SCHEMAS") == "1")
        {
            await Manifests.Write();
        }

        var (expected, actual) = (await Manifests.Files(), Manifests.FilesThere());

        var different = expected.Keys.Union(actual.Keys).Where(file => expected.GetValueOrDefault(file) != actual.GetValueOrDefault(file));
        Assert.True(!different.Any(), $"Not as the chart renders them: {string.Join(", ", different)}. To write them: LAVKA_WRITE_SCHEMAS=1 dotnet test tests/Deploy.Tests --filter {nameof(ManifestTests)}");
    }

    [HelmTheory]
    [MemberData(nameof(Overlays))]
    public async Task Kustomize_makes_of_an_overlay_what_Helm_makes_of_its_values(string overlay)
    {
        var rendering = await Manifests.Render(overlay);

        var command = await Command.Run(HelmPrograms.Kustomize, ["build", Manifests.PathOf(overlay)]);

        Assert.True(command.ExitCode == 0, command.Error);
        Assert.Equal([], rendering.DifferencesFrom(Rendering.Parse(rendering.Case, command.Output)));
    }

    [HelmFact]
    public async Task Only_the_development_overlay_has_secrets()
    {
        foreach (var overlay in Manifests.Overlays)
        {
            Assert.Equal(overlay == "dev", (await Manifests.Render(overlay)).OfKind("Secret").Any());
        }
    }
}
