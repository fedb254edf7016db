using Lavka.Testing;

namespace Lavka.Shop.Tests;

/// <summary>The script that <c>helm test</c> runs in the cluster, against a shop.</summary>
public sealed class PlaceOrderScriptTests(InProcessShop shop) : IClassFixture<InProcessShop>, IDisposable
{
    private static readonly string Script = Path.Combine(Repository.Root, "helm", "lavka", "files", "place-order.sh");

    public void Dispose() => shop.CheckEvents();

    [CurlFact]
    public async Task It_sells_a_product_sees_it_delivered_and_takes_it_off_again()
    {
        var run = await Run("lavka-operator");

        Assert.True(run.ExitCode == 0, run.Output + run.Error);
        Assert.EndsWith(": delivered\n", run.Output, StringComparison.Ordinal);
        using var anybody = new V2Client(shop.AddressOf("gateway"), null);
        Assert.DoesNotContain("Samovar", await anybody.Http.GetStringAsync(new Uri("/v2/products?q=samovar", UriKind.Relative)), StringComparison.Ordinal);
    }

    [CurlFact]
    public async Task It_says_which_call_failed()
    {
        var run = await Run("not-the-password");

        Assert.NotEqual(0, run.ExitCode);
        Assert.Contains("POST /v2/sessions", run.Error, StringComparison.Ordinal);
    }

    private Task<Command> Run(string password) => Command.Run("sh", [Script, shop.AddressOf("gateway").ToString().TrimEnd('/')], environment: [new("OPERATOR_PASSWORD", password), new("no_proxy", "*")]);
}
