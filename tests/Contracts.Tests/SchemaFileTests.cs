using Lavka.Testing;

namespace Lavka.Contracts.Tests;

public sealed class SchemaFileTests : IDisposable
{
    private const string One = """{"type":"object","properties":{"a":{"type":"string"}}}""";
    private const string Two = """{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}}}""";

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_file_that_is_missing_or_out_of_date_is_an_error_that_says_how_to_write_it()
    {
        var file = _folder.Write("old.v1.json", One);

        Assert.Contains("LAVKA_WRITE_SCHEMAS=1", SchemaFile.Check(Path.Combine(_folder.Path, "new.v1.json"), One, write: false), StringComparison.Ordinal);
        Assert.Contains("LAVKA_WRITE_SCHEMAS=1", SchemaFile.Check(file, Two, write: false), StringComparison.Ordinal);
        Assert.Equal(One, File.ReadAllText(file));
    }

    [Fact]
    public void A_compatible_change_is_written_when_that_is_wanted()
    {
        var file = _folder.Write("old.v1.json", One);

        Assert.Null(SchemaFile.Check(file, Two, write: true));
        Assert.Equal(Two, File.ReadAllText(file));
    }

    [Fact]
    public void A_breaking_change_is_never_written_and_asks_for_a_new_version()
    {
        var file = _folder.Write("old.v1.json", Two);

        var problem = SchemaFile.Check(file, One, write: true);

        Assert.Contains("'b' is gone", problem, StringComparison.Ordinal);
        Assert.Contains(".v2.json", problem, StringComparison.Ordinal);
        Assert.Equal(Two, File.ReadAllText(file));
    }
}
