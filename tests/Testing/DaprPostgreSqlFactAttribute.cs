namespace Lavka.Testing;

/// <summary>A test with the real Dapr on a <see cref="PostgreSqlServer"/>.</summary>
public sealed class DaprPostgreSqlFactAttribute : DaprFactAttribute
{
    public DaprPostgreSqlFactAttribute() => Skip ??= PostgreSqlServer.WhatIsMissing;
}
