namespace Lavka.Deploy.Tests;

/// <summary>How somebody installs the chart.</summary>
/// <param name="Name">For the messages of tests.</param>
/// <param name="Values">Values files; a later one wins.</param>
internal sealed record Case(string Name, IReadOnlyList<string> Values, string KubeVersion = "1.31.0", string Release = "lavka", string Namespace = "shop")
{
    /// <summary>Whether a name is one that the values bring.</summary>
    public bool Gives(string name) => Values.Any(text => text.Contains(name, StringComparison.Ordinal));

    public override string ToString() => Name;
}
