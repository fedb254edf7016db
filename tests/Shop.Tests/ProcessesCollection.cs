namespace Lavka.Shop.Tests;

/// <summary>The tests that run the whole shop as processes, or on servers of their own, take turns: several shops at once would only make each other slow.</summary>
[CollectionDefinition(Name)]
public sealed class ProcessesCollection
{
    public const string Name = "processes";
}
