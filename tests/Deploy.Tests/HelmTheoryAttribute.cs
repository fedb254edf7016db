namespace Lavka.Deploy.Tests;

/// <inheritdoc cref="HelmFactAttribute"/>
public sealed class HelmTheoryAttribute : TheoryAttribute
{
    public HelmTheoryAttribute() => Skip = HelmPrograms.WhatIsMissing;
}
