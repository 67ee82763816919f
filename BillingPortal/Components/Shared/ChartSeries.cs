namespace BillingPortal.Components.Shared;

/// <summary>One colour of a chart.</summary>
/// <param name="Values">One per label of the chart, each ≥ 0.</param>
public sealed record ChartSeries(string Name, IReadOnlyList<decimal> Values);
