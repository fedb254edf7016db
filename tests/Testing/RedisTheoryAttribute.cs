using Xunit;

namespace Lavka.Testing;

/// <inheritdoc cref="RedisFactAttribute"/>
public sealed class RedisTheoryAttribute : TheoryAttribute
{
    public RedisTheoryAttribute() => Skip = RedisServer.WhatIsMissing;
}
