using Lavka.Contracts;
using Lavka.Testing;

namespace Lavka.Shop.Tests;

/// <summary>What users are told, on which channels.</summary>
[Collection(V2Collection.Name)]
public sealed class MessageTests(InProcessShop shop) : IDisposable
{
    public void Dispose() => shop.CheckEvents();

    [Fact]
    public async Task An_email_is_a_file_and_what_is_urgent_goes_out_as_a_short_message_too()
    {
        using var ann = await shop.NewShopper(phone: "+4930123456");
        var order = await Order(ann);
        await Eventually.Holds(() => Files("mail", order).Length == 4 && Files("sms", order).Length == 1, "the messages to be sent");

        var mail = await File.ReadAllTextAsync(Files("mail", order).Single(file => file.Contains("order_confirmation", StringComparison.Ordinal)));

        Assert.Contains("Dear Ann", mail, StringComparison.Ordinal);
        Assert.Contains(order, mail, StringComparison.Ordinal);
        Assert.Contains("on its way", await File.ReadAllTextAsync(Files("sms", order).Single()), StringComparison.Ordinal);
        Assert.Equal(["order_confirmation email", "order_delivered email", "order_shipped email", "order_shipped sms", "payment_receipt email"], await Told(ann, order));
    }

    [Fact]
    public async Task Who_opts_out_of_a_channel_is_not_told_there_until_they_opt_in()
    {
        using var ann = await shop.NewShopper(phone: "+4930123456");
        await V2Client.Read(await ann.Send(HttpMethod.Patch, $"/v2/users/{ann.UserId}/preferences", new { email = false }));

        var order = await Order(ann);

        await Eventually.Get(async () => (await ann.Get($"/v2/users/{ann.UserId}/messages"))["items"]!.AsArray()
            .Count(message => (string?)message!["reference"] == order && (string?)message["status"] is "skipped" or "sent") == 5 ? "" : null, "the messages");
        Assert.Empty(Files("mail", order));
        Assert.Single(Files("sms", order));
        Assert.Equal("""{"email":false,"sms":true}""", (await ann.Get($"/v2/users/{ann.UserId}/preferences")).ToJsonString());
        await V2Client.Read(await ann.Send(HttpMethod.Patch, $"/v2/users/{ann.UserId}/preferences", new { email = true }));
        var next = await Order(ann);
        await Eventually.Holds(() => Files("mail", next).Length == 4, "the messages to be sent again");
    }

    [Fact]
    public async Task The_welcome_is_told_back()
    {
        using var ann = await shop.NewShopper();

        await Eventually.Get(async () => (bool)(await ann.Get($"/v2/users/{ann.UserId}"))["isWelcomed"]! ? "" : null, "the welcome to be told back");
    }

    [Fact]
    public async Task An_event_that_comes_twice_in_one_bulk_is_told_once_and_need_not_come_again()
    {
        using var ann = await shop.NewShopper();
        var order = $"twice-{Guid.NewGuid():N}";
        var cancelled = new OrderCancelled(order, ann.UserId, "No longer wanted.");

        var answers = await shop.DeliverInBulk("notifications", cancelled, cancelled, cancelled);

        Assert.Equal(["SUCCESS", "SUCCESS", "SUCCESS"], answers);
        Assert.Single(Files("mail", order));
    }

    private async Task<string> Order(V2Client client)
    {
        var order = (string)(await client.Created("/v2/orders", new { items = new[] { new { productId = await shop.NewProduct(), quantity = 1 } } }))["id"]!;
        await shop.WaitFor(order, "delivered");
        return order;
    }

    private string[] Files(string channel, string order) =>
        Directory.Exists(Path.Combine(shop.DataPath, "sent", channel)) ? Directory.GetFiles(Path.Combine(shop.DataPath, "sent", channel), $"*{order}*") : [];

    private static async Task<IEnumerable<string>> Told(V2Client client, string order)
    {
        // The last is noted a moment after its file is there.
        var messages = await Eventually.Get(async () => (await client.Get($"/v2/users/{client.UserId}/messages"))["items"]!.AsArray() is { } all
            && all.All(message => (string?)message!["status"] == "sent") ? all : null, "the messages to be noted");
        return messages.Where(message => (string?)message!["reference"] == order).Select(message => $"{message!["template"]} {message["channel"]}").Order(StringComparer.Ordinal);
    }
}
