namespace BillingPortal.Charging;

/// <summary>The names of outcomes in requests and rows: <c>provider_error</c>.</summary>
public static class OutcomeNames
{
    public static string Of(Catalog.Outcome outcome) => outcome switch
    {
        Catalog.Outcome.Success => "success",
        Catalog.Outcome.ProviderError => "provider_error",
        Catalog.Outcome.ClientAbort => "client_abort",
        Catalog.Outcome.Timeout => "timeout",
        Catalog.Outcome.Filtered => "filtered",
    };

    public static Catalog.Outcome? Find(string name) => name switch
    {
        "success" => Catalog.Outcome.Success,
        "provider_error" => Catalog.Outcome.ProviderError,
        "client_abort" => Catalog.Outcome.ClientAbort,
        "timeout" => Catalog.Outcome.Timeout,
        "filtered" => Catalog.Outcome.Filtered,
        _ => null,
    };
}
