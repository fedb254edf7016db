namespace Lavka.Testing;

/// <summary>A test with the real Dapr on a <see cref="RabbitMqServer"/>.</summary>
public sealed class DaprRabbitMqFactAttribute : DaprFactAttribute
{
    public DaprRabbitMqFactAttribute() => Skip ??= RabbitMqServer.WhatIsMissing;
}
