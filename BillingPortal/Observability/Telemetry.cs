using System.Diagnostics;
using System.Diagnostics.Metrics;
using OpenTelemetry;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace BillingPortal.Observability;

/// <summary>Where slices measure: the one activity source and the one meter. Exported over OTLP when <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> is set, else free of cost.</summary>
public static class Telemetry
{
    public const string Name = "BillingPortal";

    public static readonly ActivitySource Activities = new(Name);
    public static readonly Meter Meter = new(Name);

    internal static readonly string Version = typeof(Telemetry).Assembly.GetName().Version?.ToString(3) ?? "0.0.0";

    internal static void AddTelemetry(this WebApplicationBuilder builder)
    {
        if (string.IsNullOrWhiteSpace(builder.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"]))
        {
            return;
        }

        var resource = ResourceBuilder.CreateDefault().AddService(Name, serviceVersion: Version).AddEnvironmentVariableDetector();
        builder.Logging.AddOpenTelemetry(logs =>
        {
            logs.SetResourceBuilder(resource).AddOtlpExporter();
            logs.IncludeScopes = true;
        });
        builder.Services.AddHostedService(_ => new Export(
            Sdk.CreateTracerProviderBuilder().SetResourceBuilder(resource).AddSource(Name, "Microsoft.AspNetCore", "Npgsql", "System.Net.Http").AddOtlpExporter().Build(),
            Sdk.CreateMeterProviderBuilder().SetResourceBuilder(resource)
                .AddMeter(Name, Name + ".*", "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "Microsoft.AspNetCore.Components.Server.Circuits", "Npgsql", "System.Runtime", "System.Net.Http")
                .AddOtlpExporter().Build()));
    }

    // Lives as long as the host and flushes at its end.
    private sealed class Export(TracerProvider traces, MeterProvider metrics) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken)
        {
            traces.Dispose();
            metrics.Dispose();
            return Task.CompletedTask;
        }
    }
}
