using Xunit;

namespace Lavka.Testing;

/// <summary>A test that needs a <see cref="RabbitMqServer"/>.</summary>
public sealed class RabbitMqFactAttribute : FactAttribute
{
    public RabbitMqFactAttribute() => Skip = RabbitMqServer.WhatIsMissing;
}
