using Lavka.ServiceDefaults;
using Lavka.Users;

namespace Lavka.Services.Tests;

public sealed class TextTests
{
    [Theory]
    [InlineData("Ann", "Ann")]
    [InlineData("  Jörg Müller ", "Jörg Müller")]
    [InlineData("two\nlines", "two\nlines")]
    [InlineData("Σωκράτης 🎁", "Σωκράτης 🎁")]
    [InlineData("", "")]
    [InlineData(null, null)]
    public void A_text_is_kept_without_space_around_it(string? text, string? kept) => Assert.Equal(kept, Texts.Checked("name", text, 20));

    [Theory]
    [InlineData("a\0b", "U+0000")]
    [InlineData("a\u202Eb", "U+202E")]
    [InlineData("a\u200Bb", "U+200B")]
    [InlineData("a\u001Bb", "U+001B")]
    [InlineData("a\uFEFFb", "U+FEFF")]
    [InlineData("a\u2028b", "U+2028")]
    public void What_nobody_sees_is_refused_and_named(string text, string character)
    {
        var error = Assert.Throws<RequestException>(() => Texts.Checked("address's street", text, 20));

        Assert.Equal(400, error.Status);
        Assert.Equal($"The address's street has a character that cannot be seen: {character}.", error.Message);
    }

    [Fact]
    public void A_text_that_is_too_long_is_refused_with_its_length()
    {
        Assert.Equal(new('x', 20), Texts.Checked("name", new('x', 20), 20));
        Assert.Equal("The name has 21 characters; allowed are 20.", Assert.Throws<RequestException>(() => Texts.Checked("name", new('x', 21), 20)).Message);
        Assert.Equal("The name is required, with at most 20 characters.", Assert.Throws<RequestException>(() => Texts.Required("name", " ", 20)).Message);
        Assert.Contains("U+D800", Assert.Throws<RequestException>(() => Texts.Checked("name", $"a{'\uD800'}b", 20)).Message, StringComparison.Ordinal);
        Assert.Contains("256 characters", Assert.Throws<RequestException>(() => NaturalId.ForRequest("order", new('k', 256))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ann@example.com", true)]
    [InlineData("ann.lee+shop@mail.example.co", true)]
    [InlineData("o'neill_%{}~@example.com", true)]
    [InlineData("jörg@müller.example", true)]
    [InlineData("ann@xn--mller-kva.example", true)]
    [InlineData("a@b..com", false)]
    [InlineData("..a@b.com", false)]
    [InlineData("a.@b.com", false)]
    [InlineData("<script>@e.com", false)]
    [InlineData("a\0@b.com", false)]
    [InlineData("a\u202E@b.com", false)]
    [InlineData("a\u200B@b.com", false)]
    [InlineData("jo\u0308rg@example.com", false)]
    [InlineData("ann@example", false)]
    [InlineData("ann@-example.com", false)]
    [InlineData("ann@example-.com", false)]
    [InlineData("ann@example.1", false)]
    [InlineData("ann lee@example.com", false)]
    [InlineData("ann@exa mple.com", false)]
    [InlineData("ann|@example.com", false)]
    [InlineData("@example.com", false)]
    [InlineData("", false)]
    public void An_e_mail_address_is_one_that_mail_can_be_sent_to_and_can_be_written_in_one_way(string email, bool isOne) => Assert.Equal(isOne, RegisterUser.IsEmail(email));
}
