namespace Lavka.Contracts;

/// <summary>A topic for each context that tells something; it is named after the context's app id.</summary>
public static class Topics
{
    public const string Users = "users";
    public const string Catalog = "catalog";
    public const string Inventory = "inventory";
    public const string Orders = "orders";
    public const string Payments = "payments";
    public const string Shipping = "shipping";
    public const string Notifications = "notifications";
}
