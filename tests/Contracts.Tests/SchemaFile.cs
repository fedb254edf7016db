using Lavka.Testing;

namespace Lavka.Contracts.Tests;

/// <summary>The published schema of an event.</summary>
internal static class SchemaFile
{
    /// <summary>The variable that, set to 1, makes the tests write what the code says.</summary>
    private const string Variable = "LAVKA_WRITE_SCHEMAS";

    public static bool IsToBeWritten => Environment.GetEnvironmentVariable(Variable) == "1";

    /// <summary>Compares the file with what the code says, and brings it up to date if that is wanted and breaks no consumer.</summary>
    /// <returns>What is wrong, and what to do; null: nothing.</returns>
    public static string? Check(string file, string schema, bool write)
    {
        var name = Path.GetFileName(file);

        // A keyword that nobody checks must not get into a published schema.
        Schemas.Parse(schema);
        var published = File.Exists(file) ? File.ReadAllText(file).ReplaceLineEndings("\n") : null;
        if (published == schema)
        {
            return null;
        }

        if (published is not null && SchemaCompatibility.Breaks(published, schema) is { Count: > 0 } breaks)
        {
            return $"This change breaks who reads {name}:\n- {string.Join("\n- ", breaks)}\n"
                + "Leave the record as it is and add a new version: a record of its own, whose Type ends with .v2 (or the next number) and which has a schema of its own, .v2.json. Tell both until nobody reads the old one.";
        }

        if (!write)
        {
            return $"{name} is {(published is null ? "missing" : "not what the code says")}. The change breaks nobody; to write it: {Variable}=1 dotnet test tests/Contracts.Tests";
        }

        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, schema);
        return null;
    }
}
