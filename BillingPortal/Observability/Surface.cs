namespace BillingPortal.Observability;

/// <summary>Whether an address is spoken to by programs or looked at by people: the first get problem+json, the others a page.</summary>
internal static class Surface
{
    private static readonly PathString[] ForPrograms = ["/api", "/webhooks", "/health", "/openapi"];

    public static bool IsPage(HttpContext context) => !IsForPrograms(context);

    public static bool IsForPrograms(HttpContext context)
    {
        foreach (var prefix in ForPrograms)
        {
            if (context.Request.Path.StartsWithSegments(prefix))
            {
                return true;
            }
        }

        return false;
    }
}
