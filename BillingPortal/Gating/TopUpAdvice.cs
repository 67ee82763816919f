using BillingPortal.Primitives;

namespace BillingPortal.Gating;

/// <summary>Adds the page where the customer can help themselves to a refusal for want of value (F2).</summary>
internal static class TopUpAdvice
{
    private const string CreditsPage = "/portal/credits";
    private const string PlanPage = "/portal/plan";

    public static Refusal WithTopUp(this Refusal refusal, HttpContext context) => refusal.Code.Status switch
    {
        StatusCodes.Status402PaymentRequired => refusal with { TopUpUrl = Address(context, refusal.Code == ErrorCode.PaymentRequired ? PlanPage : CreditsPage) },
        // Credits do not help against a quota; another plan does.
        StatusCodes.Status429TooManyRequests when refusal is { UpgradePlan: not null } => refusal with { TopUpUrl = Address(context, PlanPage) },
        _ => refusal,
    };

    private static string Address(HttpContext context, string page)
    {
        var configured = context.RequestServices.GetRequiredService<IConfiguration>()["Portal:PublicUrl"]?.TrimEnd('/');
        return string.IsNullOrEmpty(configured) ? $"{context.Request.Scheme}://{context.Request.Host}{context.Request.PathBase}{page}" : configured + page;
    }
}
