using Xunit;

namespace Lavka.Testing;

/// <inheritdoc cref="RabbitMqFactAttribute"/>
public sealed class RabbitMqTheoryAttribute : TheoryAttribute
{
    public RabbitMqTheoryAttribute() => Skip = RabbitMqServer.WhatIsMissing;
}
