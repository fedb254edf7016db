using Lavka.Run;
using Lavka.Testing;

namespace Lavka.Shop.Tests;

public sealed class SentMessagesTests
{
    [Fact]
    public void Those_that_are_old_are_deleted()
    {
        using var folder = new TempFolder();
        var (old, young, database) = (folder.Write("sent/mail/a", "1"), folder.Write("sent/sms/b", "2"), folder.Write("orders.db", "3"));
        File.SetLastWriteTimeUtc(old, new(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        File.SetLastWriteTimeUtc(young, new(2026, 1, 3, 0, 0, 0, DateTimeKind.Utc));
        File.SetLastWriteTimeUtc(database, new(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc));

        SentMessages.DeleteBefore(folder.Path, new(2026, 1, 2, 0, 0, 0, DateTimeKind.Utc), CancellationToken.None);

        Assert.Equal([database, young], Directory.EnumerateFiles(folder.Path, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Where_nothing_was_sent_there_is_nothing_to_delete()
    {
        using var folder = new TempFolder();

        SentMessages.DeleteBefore(folder.Path, DateTime.UtcNow, CancellationToken.None);
    }
}
