namespace Lavka.Deploy.Tests;

/// <summary>What holds of every rendering.</summary>
internal static class Renderings
{
    /// <summary>Fails with what is wrong in any of the renderings of <see cref="Cases"/>, each problem once.</summary>
    public static async Task HaveNo(Func<Rendering, IEnumerable<string>> problems)
    {
        var found = (await Cases.RenderedOnce()).SelectMany(rendering => problems(rendering).Distinct().Select(problem => (Problem: problem, rendering.Case)))
            .GroupBy(one => one.Problem, one => one.Case).Select(group => $"{group.Key} ({group.First()}{(group.Count() > 1 ? $" and {group.Count() - 1} more" : "")})").ToList();

        Assert.True(found.Count == 0, string.Join('\n', found));
    }
}
