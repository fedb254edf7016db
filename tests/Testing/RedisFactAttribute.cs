using Xunit;

namespace Lavka.Testing;

/// <summary>A test that needs a <see cref="RedisServer"/>.</summary>
public sealed class RedisFactAttribute : FactAttribute
{
    public RedisFactAttribute() => Skip = RedisServer.WhatIsMissing;
}
