namespace BillingPortal.Payments.Simulator;

/// <summary>The Stripe double: the same API, hosted pages and signed webhooks, inside this process and outside Production only.</summary>
internal static class SimulatorSlice
{
    public const string Path = "/stripe-simulator";

    public static void AddSimulator(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<SimulatorSecrets>();
        if (builder.Environment.IsProduction())
        {
            return;
        }

        builder.Services.AddSingleton<SimulatorStore>();
        builder.Services.AddSingleton<SimulatorFaults>();
        builder.Services.AddSingleton<SimulatorHost>();
        builder.Services.AddSingleton<SimulatorDeliverySignal>();
        builder.Services.AddHttpClient(SimulatorDeliveries.Client, c => c.Timeout = TimeSpan.FromSeconds(20));
        builder.Services.AddHostedService<SimulatorDeliveries>();
    }

    public static void MapSimulator(this WebApplication app)
    {
        if (app.Environment.IsProduction())
        {
            return;
        }

        var routes = app.MapGroup(Path);
        var api = new SimulatorApi(routes);
        SimulatedCustomers.Map(api);
        SimulatedPrices.Map(api);
        SimulatedPaymentMethods.Map(api);
        SimulatedPayments.Map(api);
        SimulatedRefunds.Map(api);
        SimulatedDisputes.Map(api);
        SimulatedPaymentIntents.Map(api);
        SimulatedSetupIntents.Map(api);
        SimulatedCheckoutSessions.Map(api);
        SimulatedSubscriptions.Map(api);
        SimulatedSchedules.Map(api);
        SimulatedDiscounts.Map(api);
        SimulatedInvoices.Map(api);
        SimulatedBillingPortal.Map(api);
        SimulatedEvents.Map(api);
        SimulatedTestClocks.Map(api);
        SimulatedSetup.Map(api);
        SimulatedMeters.Map(api);
        SimulatedInvoiceItems.Map(api);
        SimulatorFaults.Map(routes);
        routes.MapSimulatorPages();
    }
}
