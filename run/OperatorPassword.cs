using System.Text.Json;

namespace Lavka.Run;

/// <summary>How the operator signs in. The password: <c>LAVKA_OPERATOR_PASSWORD</c>, or what <c>components/secrets.json</c> says.</summary>
internal static class OperatorPassword
{
    public const string Email = "operator@lavka.example";

    public const string Variable = "LAVKA_OPERATOR_PASSWORD";
    public const string SecretsFile = "components/secrets.json";

    /// <exception cref="RunException">There is neither.</exception>
    public static string Find()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } password)
        {
            return password;
        }

        try
        {
            using var secrets = JsonDocument.Parse(File.ReadAllText(SecretsFile));
            return secrets.RootElement.GetProperty("operator-password").GetString()!;
        }
        catch (Exception e) when (e is IOException or JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new RunException($"The operator's password is neither in {Variable} nor in {SecretsFile}: {e.Message}");
        }
    }
}
