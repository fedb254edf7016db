using Xunit.Abstractions;

[assembly: TestCollectionOrderer("Lavka.Shop.Tests.LongestFirst", "Shop.Tests")]

namespace Lavka.Shop.Tests;

/// <summary>What takes minutes starts first, so that it is not what everything else waits for at the end: a few collections run at a time (xunit.runner.json), otherwise in any order.</summary>
public sealed class LongestFirst : ITestCollectionOrderer
{
    private static readonly string[] Long = [nameof(SagaMatrixTests), ProcessesCollection.Name];

    public IEnumerable<ITestCollection> OrderTestCollections(IEnumerable<ITestCollection> testCollections) =>
        testCollections.OrderByDescending(collection => Array.FindIndex(Long, name => collection.DisplayName.EndsWith(name, StringComparison.Ordinal)));
}
