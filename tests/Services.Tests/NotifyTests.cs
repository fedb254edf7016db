using Dapr;
using Lavka.Contracts;
using Lavka.Notifications;
using Lavka.ServiceDefaults;

namespace Lavka.Services.Tests;

public sealed class NotifyTests : IAsyncLifetime
{
    private readonly List<Published> _published = [];
    private TestService _service = null!;
    private Notify _notify = null!;

    public async Task InitializeAsync()
    {
        _service = await TestService.Start("notifications", _published.Add);
        _notify = Another();
        await _service.Store.Accept<Contact>(Contact.KeyOf("u"), _ => new Contact("u", "u@example.com", "Ann & Bob", "+491234567").Quietly(), default);
    }

    public async Task DisposeAsync() => await _service.DisposeAsync();

    [Fact]
    public async Task A_thing_is_told_once_on_each_channel_however_often_its_event_comes()
    {
        for (var i = 0; i < 3; i++)
        {
            await Tell("e1");
        }

        Assert.Equal(["email", "sms"], _service.Dapr.Sent.Select(sent => sent.Binding));
        Assert.Empty(_published);
    }

    [Fact]
    public async Task That_the_welcome_is_sent_is_told()
    {
        await _service.Deliver("e1", _ => _notify.Welcome(new("u", "u@example.com", "Ann & Bob", null), default));

        Assert.Equal(("welcome", "email"), Assert.Single(_published) is var told ? (told.Data.GetProperty("template").GetString(), told.Data.GetProperty("channel").GetString()) : default);
    }

    [Fact]
    public async Task An_email_has_what_each_kind_of_binding_needs()
    {
        await Tell("e1");

        var (_, text, metadata) = _service.Dapr.Sent[0];
        Assert.Equal(("u@example.com", "Your order is on its way", "message-order_shipped-o.html"), (metadata["emailTo"], metadata["subject"], metadata["fileName"]));
        Assert.Contains("Ann &amp; Bob", text, StringComparison.Ordinal);
        Assert.Equal("+491234567", _service.Dapr.Sent[1].Metadata["toNumber"]);
    }

    [Fact]
    public async Task What_could_not_be_sent_is_sent_when_its_event_comes_again()
    {
        var failures = 1;
        _service.Dapr.FailsToSend = () => Task.FromResult(failures-- > 0);
        await Assert.ThrowsAsync<DaprException>(() => Tell("e1"));

        await Tell("e1");

        Assert.Equal(["email", "sms"], _service.Dapr.Sent.Select(sent => sent.Binding));
    }

    [Fact]
    public async Task What_another_instance_is_sending_is_left_to_it()
    {
        var another = Another();
        Func<Task> second = () => Task.CompletedTask;
        _service.Dapr.FailsToSend = async () =>
        {
            // In the middle of the first delivery, the second.
            var now = second;
            second = () => Task.CompletedTask;
            await now();
            return false;
        };
        second = () => Assert.ThrowsAsync<InvalidOperationException>(() => another.Tell(Template.Of(new OrderShipped("o", "u", "LV1")), default));

        await Tell("e1");

        Assert.Equal(["email", "sms"], _service.Dapr.Sent.Select(sent => sent.Binding));
    }

    [Fact]
    public async Task On_a_channel_that_is_not_wanted_nothing_is_sent()
    {
        await Preferences.Change("u", email: false, sms: null, _service.Store, default);

        await Tell("e1");

        Assert.Equal("sms", Assert.Single(_service.Dapr.Sent).Binding);
        Assert.Equal(MessageStatus.Skipped, (await _service.Store.Find<Message>(Message.KeyOf("order_shipped", "o"), default))!.Status);
    }

    private Notify Another() => new(_service.Store, _service.Dapr.Client, new Peers(_service.Dapr.Client, new("notifications", "", TimeProvider.System)), TimeProvider.System);

    private Task Tell(string eventId) => _service.Deliver(eventId, _ => _notify.Tell(Template.Of(new OrderShipped("o", "u", "LV1")), default));
}
