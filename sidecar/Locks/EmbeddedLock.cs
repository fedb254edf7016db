using Lavka.Sidecar.Resources;
using Lavka.Sidecar.Sqlite;

namespace Lavka.Sidecar.Locks;

/// <summary>
/// <c>lock.embedded</c>: locks in one SQLite file, <c>path</c>, for all processes of this machine that name the same file. A lock ends with its expiry, whoever holds it.
/// </summary>
internal sealed class EmbeddedLock : ILockStore
{
    private readonly SqliteDatabase _database;
    private readonly TimeProvider _time;

    public EmbeddedLock(ComponentMetadata metadata, TimeProvider time)
    {
        _time = time;
        _database = new(metadata.DataPath(metadata.Required("path")),
            "CREATE TABLE IF NOT EXISTS locks (resource TEXT NOT NULL PRIMARY KEY, owner TEXT NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID; CREATE INDEX IF NOT EXISTS expiry ON locks (expires)", TimeSpan.FromSeconds(5));
    }

    public IReadOnlyList<string> Capabilities { get; } = [];

    public Task<bool> TryLock(string resource, string owner, TimeSpan expiry) => _database.Write(db =>
    {
        var now = _time.GetUtcNow();
        db.Prepare("DELETE FROM locks WHERE expires <= ?1").Bind(1, now.ToUnixTimeMilliseconds()).Run();
        db.Prepare("INSERT INTO locks (resource, owner, expires) VALUES (?1, ?2, ?3) ON CONFLICT (resource) DO NOTHING")
            .Bind(1, resource).Bind(2, owner).Bind(3, (now + expiry).ToUnixTimeMilliseconds()).Run();
        return db.Changes > 0;
    });

    public Task<UnlockStatus> Unlock(string resource, string owner) => _database.Write(db =>
    {
        var query = db.Prepare("SELECT owner FROM locks WHERE resource = ?1 AND expires > ?2").Bind(1, resource).Bind(2, _time.GetUtcNow().ToUnixTimeMilliseconds());
        var holder = query.Step() ? query.Text(0) : null;
        query.Reset();
        if (holder is null)
        {
            return UnlockStatus.DoesNotExist;
        }

        if (holder != owner)
        {
            return UnlockStatus.BelongsToOthers;
        }

        db.Prepare("DELETE FROM locks WHERE resource = ?1").Bind(1, resource).Run();
        return UnlockStatus.Success;
    });

    public ValueTask DisposeAsync() => _database.DisposeAsync();
}
