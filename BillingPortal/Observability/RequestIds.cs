namespace BillingPortal.Observability;

/// <summary>Every answer names its request: the caller's <c>X-Request-Id</c> when it is 1–128 visible ASCII characters, else one of ours.</summary>
internal static class RequestIds
{
    public const string Header = "X-Request-Id";

    public static IApplicationBuilder UseRequestIds(this IApplicationBuilder app) => app.Use((context, next) =>
    {
        var sent = context.Request.Headers[Header];
        context.TraceIdentifier = sent.Count == 1 && IsUsable(sent[0]) ? sent[0]! : Guid.CreateVersion7().ToString("N");
        context.Response.OnStarting(static state =>
        {
            var context = (HttpContext)state;
            context.Response.Headers[Header] = context.TraceIdentifier;
            return Task.CompletedTask;
        }, context);
        return next(context);
    });

    private static bool IsUsable(string? text) => text is { Length: >= 1 and <= 128 } && text.All(c => c is >= '!' and <= '~');
}
