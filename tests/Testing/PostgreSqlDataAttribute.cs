using System.Reflection;
using Xunit.Sdk;

namespace Lavka.Testing;

/// <summary>A case of a theory that starts a PostgreSQL, for which its programs must be there; the other cases run without.</summary>
public sealed class PostgreSqlDataAttribute : DataAttribute
{
    private readonly object[] _data;

    /// <param name="data">The arguments.</param>
    public PostgreSqlDataAttribute(params object[] data) => (_data, Skip) = (data, PostgreSqlServer.WhatIsMissing);

    public override IEnumerable<object[]> GetData(MethodInfo testMethod) => [_data];
}
