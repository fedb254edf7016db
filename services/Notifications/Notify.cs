using System.Collections.Concurrent;
using Dapr;
using Dapr.Client;
using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Notifications;

/// <summary>Tells users what happened, each thing once on each channel, through Dapr output bindings.</summary>
public sealed class Notify(AggregateStore store, DaprClient dapr, Peers peers, TimeProvider time)
{
    // A message that somebody else is sending is left to them for so long; then they have crashed.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    // What this process is sending, by the message's key.
    private readonly ConcurrentDictionary<string, Task> _underWay = new();

    /// <summary>Keeps where the user is reached, and welcomes them.</summary>
    public async Task Welcome(UserCreated user, CancellationToken stop)
    {
        await store.Change<Contact>(Contact.KeyOf(user.UserId), known => known?.Unchanged() ?? new Contact(user.UserId, user.Email, user.Name, user.Phone).Quietly(), stop);
        await Tell(Template.Of(user), stop);
    }

    public async Task Tell(Template template, CancellationToken stop)
    {
        var contact = await Contact.Find(template.UserId, store, peers, stop);
        var preferences = await Preferences.Find(template.UserId, store, stop);
        await Send(Channels.Email, contact.Email);
        if (template.IsUrgent && contact.Phone is not null)
        {
            await Send(Channels.Sms, contact.Phone);
        }

        Task Send(string channel, string address) => SendOnce(template, channel, address, contact.Name, preferences.Want(channel), stop);
    }

    /// <summary>
    /// Marks the message as being sent, sends it, and marks it as sent. A repeat finds the mark. What a crash leaves half done is sent again, under the same name: a binding that
    /// keeps files overwrites it.
    /// </summary>
    private async Task SendOnce(Template template, string channel, string address, string name, bool isWanted, CancellationToken stop)
    {
        var key = Message.KeyOf(template.Name, template.Reference, channel);
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        while (_underWay.GetOrAdd(key, done.Task) is var other && other != done.Task)
        {
            // The same event twice, perhaps in one bulk: it need not come again to find the message sent.
            await other.WaitAsync(stop);
        }

        try
        {
            await Send(key, template, channel, address, name, isWanted, stop);
        }
        finally
        {
            _underWay.TryRemove(key, out _);
            done.SetResult();
        }
    }

    private async Task Send(string key, Template template, string channel, string address, string name, bool isWanted, CancellationToken stop)
    {
        var index = Message.IndexOf(template.UserId);
        var now = time.GetUtcNow();
        var isMine = false;
        await store.Change<Message, IdList>(key, [index], (message, parts) =>
        {
            isMine = message is null or { Status: MessageStatus.Sending };
            if (message is not null)
            {
                return !isMine ? message.Unchanged()
                    : !isWanted ? (message with { Status = MessageStatus.Skipped }).Quietly()
                    : message.SentAt is { } since && now - since < Patience ? throw new InvalidOperationException($"The message '{key}' is being sent.")
                    : (message with { SentAt = now }).Quietly();
            }

            IdList.Add(parts, index, key);
            return new Message(template.UserId, template.Name, template.Reference, channel, template.Text, now, isWanted ? MessageStatus.Sending : MessageStatus.Skipped).Quietly();
        }, stop);
        if (isMine && isWanted)
        {
            await Invoke(template, channel, address, name, key, stop);
        }

        await store.Change<Message>(key, message => message is { Status: MessageStatus.Sending }
            ? (message with { Status = MessageStatus.Sent, SentAt = time.GetUtcNow() }).Telling(template.IsAwaited ? new NotificationSent(template.UserId, template.Name, template.Reference, channel) : null)
            : message!.Unchanged(), stop);
    }

    private async Task Invoke(Template template, string channel, string address, string name, string key, CancellationToken stop)
    {
        // Each component takes the settings it knows: an e-mail's for bindings.smtp, a number for bindings.twilio.sms, a file's name for bindings.localstorage.
        var isEmail = channel == Channels.Email;
        var metadata = isEmail
            ? new Dictionary<string, string> { ["emailTo"] = address, ["subject"] = template.Subject, ["fileName"] = $"{key}.html" }
            : new Dictionary<string, string> { ["toNumber"] = address, ["fileName"] = $"{key}.txt" };
        try
        {
            await dapr.InvokeBindingAsync(channel, "create", isEmail ? template.Html(name) : template.Text, metadata, stop);
        }
        catch (DaprException e) when (!e.IsUnanswered())
        {
            // The binding refused it; whoever tries next need not wait. Without an answer it may have been sent: then the next does wait.
            await store.Change<Message>(key, message => (message! with { SentAt = null }).Quietly(), CancellationToken.None);
            throw;
        }
    }
}
