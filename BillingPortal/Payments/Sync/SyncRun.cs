using BillingPortal.Payments.Stripe;

namespace BillingPortal.Payments.Sync;

/// <summary>Gathers what one run finds and, unless it is a dry run, does what it says.</summary>
internal sealed class SyncRun(bool dryRun)
{
    private readonly string id = Guid.NewGuid().ToString("N");
    private readonly List<SyncStep> steps = [];

    public SyncReport Report => new(dryRun, steps.Count(s => s.IsChange), steps);

    public void InOrder(string what, string detail) => steps.Add(new(what, SyncAct.InOrder, detail));

    public void Blocked(string what, string why) => steps.Add(new(what, SyncAct.Blocked, why));

    public void Failed(string what, StripeError error) => steps.Add(new(what, SyncAct.Failed, error.Message));

    /// <summary>Where Stripe reaches this portal's webhooks.</summary>
    /// <returns>Null, and the thing is blocked, without <c>Portal:PublicUrl</c>.</returns>
    public Uri? FindEndpoint(string what, IConfiguration configuration)
    {
        if (configuration["Portal:PublicUrl"]?.Trim().TrimEnd('/') is { Length: > 0 } own && Uri.TryCreate(own + WebhookEndpoint.Path, UriKind.Absolute, out var url))
        {
            return url;
        }

        Blocked(what, "Portal__PublicUrl is not set, so Stripe cannot be told where this portal is: set it to the address that Stripe reaches, such as https://billing.example.com.");
        return null;
    }

    /// <summary>Does one thing. A run that was cut short is simply run again: each looks at what is there first.</summary>
    /// <param name="call">Given a key of this run and this thing.</param>
    /// <returns>Null in a dry run, and when Stripe did not do it.</returns>
    public async Task<T?> DoAsync<T>(string what, SyncAct act, string detail, Func<string, Task<StripeResult<T>>> call) where T : class
    {
        if (dryRun)
        {
            steps.Add(new(what, act, detail));
            return null;
        }

        if (!(await call($"sync:{id}:{what}")).TryGet(out var done, out var error))
        {
            steps.Add(new(what, SyncAct.Failed, $"{detail} Stripe: {error.Message}"));
            return null;
        }

        steps.Add(new(what, act, detail));
        return done;
    }
}
