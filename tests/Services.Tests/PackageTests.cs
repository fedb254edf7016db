using FsCheck;
using FsCheck.Fluent;
using Lavka.Contracts;
using Lavka.Shipping;

namespace Lavka.Services.Tests;

public sealed class PackageTests
{
    [Fact]
    public void Every_piece_is_packed_once_in_at_most_a_hundred_packages()
    {
        var orders = Gen.Choose(1, 10_000).NonEmptyListOf().Select(quantities => quantities.Take(100).Select((quantity, i) => new OrderLine($"p{i}", quantity, 1)).ToList());

        Check.One(Config.QuickThrowOnFailure.WithMaxTest(200), Prop.ForAll(Arb.From(orders), lines =>
        {
            var packages = Package.Pack(lines, number => $"{number}");
            var packed = packages.SelectMany(package => package.Lines).GroupBy(line => line.ProductId).ToDictionary(group => group.Key, group => group.Sum(line => line.Quantity));
            Assert.Equal(lines.ToDictionary(line => line.ProductId, line => line.Quantity), packed);
            Assert.InRange(packages.Count, 1, 100);
            Assert.Equal(packages.Count, packages.Select(package => package.TrackingNumber).Distinct().Count());
            Assert.All(packages, package => Assert.NotEmpty(package.Lines));
        }));
    }
}
