using BillingPortal.Primitives;
using Microsoft.AspNetCore.Http.Features;

namespace BillingPortal.Observability;

internal static class ObservabilitySlice
{
    /// <summary>Largest request body, in bytes.</summary>
    public const long BodyLimit = 1_000_000;

    public static WebApplicationBuilder AddObservability(this WebApplicationBuilder builder)
    {
        builder.AddTelemetry();
        // What our own code throws, the exception handler logs. What is left is the server's grumbling about callers who leave in the middle.
        builder.Logging.AddFilter("Microsoft.AspNetCore.Server.Kestrel", LogLevel.Critical);
        builder.Services.ConfigureHttpJsonOptions(options => Json.Apply(options.SerializerOptions));
        builder.Services.Configure<RouteHandlerOptions>(options => options.ThrowOnBadRequest = true); // so that Failures can name the field
        builder.Services.AddSingleton<IProblemDetailsWriter, ProblemWriter>();
        builder.Services.AddProblemDetails();
        builder.Services.AddExceptionHandler<Failures>();
        builder.Services.AddAuthentication();
        builder.Services.AddAuthorization();
        builder.Services.AddAntiforgery();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = BodyLimit;
            kestrel.AddServerHeader = false;
        });
        return builder;
    }

    /// <summary>The order matters: what a proxy says, request id, errors, edge, routing, who is asking, what they may, antiforgery, limits.</summary>
    public static void UsePortalPipeline(this WebApplication app)
    {
        var steps = app.Services.GetServices<PipelineStep>().ToLookup(step => step.Stage);
        app.UseProxies();
        app.UseRequestIds();
        app.UseExceptionHandler();
        app.UseWhen(Surface.IsForPrograms, programs => programs.UseStatusCodePages(context => Bare(context.HttpContext)));
        app.UseWhen(Surface.IsPage, pages => pages.UseStatusCodePagesWithReExecute("/not-found", createScopeForStatusCodePages: true));
        Apply(PipelineStage.Edge);
        app.UseWhen(Surface.IsForPrograms, programs => programs.Use(RefuseLargeBodies));
        app.UseRouting();
        app.UseAuthentication();
        Apply(PipelineStage.Credentials);
        app.UseAuthorization();
        app.UseAntiforgery();
        Apply(PipelineStage.Limits);

        void Apply(PipelineStage stage)
        {
            foreach (var step in steps[stage])
            {
                step.Use(app);
            }
        }
    }

    private static Task Bare(HttpContext context) =>
        Problems.ForStatus(context.Response.StatusCode) is { } refusal ? context.WriteProblemAsync(refusal) : Task.CompletedTask;

    private static Task RefuseLargeBodies(HttpContext context, RequestDelegate next) =>
        context.Request.ContentLength > BodyLimit ? context.WriteProblemAsync(new Refusal(ErrorCode.TooLarge, Problems.ForStatus(413)!.Detail)) : next(context);
}
