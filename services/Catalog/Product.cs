using System.Text.Json.Serialization;
using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Catalog;

/// <summary>Something for sale.</summary>
/// <param name="InitialStock">How many pieces there were when it came for sale; how many there are now, Inventory knows.</param>
/// <param name="Request">What tells the request apart that made it, if that had an idempotency key.</param>
/// <param name="PriceVersion">Counts the price's changes, so that an old price does not overwrite a new one elsewhere.</param>
public sealed record Product(
    string ProductId, string Name, decimal Price, long PriceVersion, long InitialStock, bool IsDiscontinued, DateTimeOffset CreatedAt, string? Description = null, string? Category = null, string? Request = null) : IAwaiting
{
    /// <summary>The index of all products.</summary>
    public const string Index = "products";

    /// <summary>Until Inventory has it, which only Inventory knows.</summary>
    [JsonIgnore]
    public bool IsWaiting => true;

    [JsonIgnore]
    public IEvent? Question => new ProductCreated(ProductId, Name, Price, InitialStock, Description, Category);

    public static string KeyOf(string productId) => $"product-{productId}";
}
