using System.Reflection;
using Xunit.Sdk;

namespace Lavka.Testing;

/// <summary>A case of a theory that starts a Redis, which must be there; the other cases run without.</summary>
public sealed class RedisDataAttribute : DataAttribute
{
    private readonly object[] _data;

    /// <param name="data">The arguments.</param>
    public RedisDataAttribute(params object[] data) => (_data, Skip) = (data, RedisServer.WhatIsMissing);

    public override IEnumerable<object[]> GetData(MethodInfo testMethod) => [_data];
}
