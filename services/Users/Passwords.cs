using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;

namespace Lavka.Users;

/// <summary>Passwords as ASP.NET Core Identity keeps them: PBKDF2 with HMAC-SHA512, salted, slow on purpose.</summary>
public sealed class Passwords
{
    // What OWASP asks of PBKDF2 with SHA-512.
    private const int Iterations = 210_000;

    private readonly PasswordHasher<User> _hasher = new(Options.Create(new PasswordHasherOptions { IterationCount = Iterations }));
    private readonly string _nobodys;

    public Passwords() => _nobodys = Hash(Guid.NewGuid().ToString());

    public string Hash(string password) => _hasher.HashPassword(null!, password);

    /// <summary>Whether this is the password. It takes as long where there is none, so that the time does not tell who is registered.</summary>
    public bool Matches(string? hash, string password) => _hasher.VerifyHashedPassword(null!, hash ?? _nobodys, password) != PasswordVerificationResult.Failed && hash is not null;
}
