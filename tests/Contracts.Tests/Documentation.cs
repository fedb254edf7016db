using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Lavka.Contracts.Tests;

/// <summary>What the XML documentation of Contracts says.</summary>
internal static partial class Documentation
{
    private static readonly Dictionary<string, XElement> Members = XDocument.Load(Path.Combine(AppContext.BaseDirectory, "Contracts.xml"))
        .Descendants("member").ToDictionary(member => member.Attribute("name")!.Value);

    /// <summary>The summary of a type; null: there is none.</summary>
    public static string? Of(Type type) => Text(Member(type)?.Element("summary"));

    /// <summary>The text of a record's parameter; null: there is none.</summary>
    public static string? Of(Type record, string parameter) =>
        Text(Member(record)?.Elements("param").FirstOrDefault(param => param.Attribute("name")!.Value == parameter));

    private static XElement? Member(Type type) => Members.GetValueOrDefault($"T:{type.FullName}");

    private static string? Text(XElement? element) =>
        element is null ? null : WhiteSpace().Replace(string.Concat(element.Nodes().Select(Text)), " ").Trim();

    // A reference, such as <see cref="T:Lavka.Contracts.Topics"/>, is read as the name of what it refers to.
    private static string Text(XNode node) => node is XElement element ? element.IsEmpty ? element.FirstAttribute!.Value.Split('.')[^1] : element.Value : ((XText)node).Value;

    [GeneratedRegex(@"\s+")]
    private static partial Regex WhiteSpace();
}
