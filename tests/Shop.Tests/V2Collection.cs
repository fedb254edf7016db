namespace Lavka.Shop.Tests;

/// <summary>The tests of v2 share a shop, and take turns.</summary>
[CollectionDefinition(Name)]
public sealed class V2Collection : ICollectionFixture<InProcessShop>
{
    public const string Name = "v2";
}
