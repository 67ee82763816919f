using BillingPortal.Jobs;
using BillingPortal.Observability;

namespace BillingPortal.Gating;

internal static class GatingSlice
{
    public static WebApplicationBuilder AddGating(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<AccountNames>();
        builder.Services.AddSingleton<GatingMetrics>();
        builder.Services.AddSingleton<StaffPostings>();
        builder.Services.AddSingleton<AccountBudgets>();
        builder.Services.AddSingleton<Observations>();
        builder.Services.AddSingleton<Refusals>();
        builder.Services.AddHostedService(services => services.GetRequiredService<Refusals>());
        builder.Services.AddSingleton(new PipelineStep(PipelineStage.Edge, EnvoyQuestions.Use));
        builder.Services.AddRecurringJob<ForgetChecks>();
        return builder;
    }

    public static RouteGroupBuilder MapGating(this RouteGroupBuilder api)
    {
        ChargeEndpoint.Map(api);
        BatchEndpoint.Map(api);
        RefundEndpoint.Map(api);
        ChargeReadings.Map(api);
        HoldEndpoints.Map(api);
        HoldReadings.Map(api);
        CheckEndpoints.Map(api);
        CheckReadings.Map(api);
        GatewayEndpoint.Map(api);
        StaffPostingEndpoints.Map(api);
        EnforcementEndpoint.Map(api);
        BudgetEndpoints.Map(api);
        SuspenseEndpoints.Map(api);
        return api;
    }
}
