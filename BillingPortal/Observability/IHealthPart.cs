namespace BillingPortal.Observability;

/// <summary>What a slice has to say on <c>/health</c>: one field, readable without a scope and without secrets.</summary>
public interface IHealthPart
{
    /// <summary>Field name, snake_case: <c>payments</c>.</summary>
    string Name { get; }

    /// <returns>A word or an object. An exception makes the whole answer unhealthy.</returns>
    ValueTask<object> ReadAsync(CancellationToken ct);
}
