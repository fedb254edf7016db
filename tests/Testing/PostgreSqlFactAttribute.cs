using Xunit;

namespace Lavka.Testing;

/// <summary>A test that starts a PostgreSQL, for which its programs must be there.</summary>
public sealed class PostgreSqlFactAttribute : FactAttribute
{
    public PostgreSqlFactAttribute() => Skip = PostgreSqlServer.WhatIsMissing;
}
