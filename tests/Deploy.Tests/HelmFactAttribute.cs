namespace Lavka.Deploy.Tests;

/// <summary>A test that renders the chart.</summary>
public sealed class HelmFactAttribute : FactAttribute
{
    public HelmFactAttribute() => Skip = HelmPrograms.WhatIsMissing;
}
