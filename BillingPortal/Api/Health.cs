using BillingPortal.Charging;
using BillingPortal.Data;
using BillingPortal.Jobs;
using BillingPortal.Observability;
using BillingPortal.Payments.Stripe;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace BillingPortal.Api;

/// <summary>For load balancers and people: alive, ready to take requests, and how everything is.</summary>
internal static class Health
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    public static void MapHealth(this WebApplication app)
    {
        var health = app.MapGroup("/health").ExcludeFromDescription().AllowAnonymous();
        health.MapGet("/live", IResult () => TypedResults.Ok(new { Status = "live" }));
        health.MapGet("/ready", ReadyAsync);
        health.MapGet("", ReportAsync);
    }

    // Ready: the database answers, and what decisions need in memory is fresh.
    private static async Task<IResult> ReadyAsync(NpgsqlDataSource source, SnapshotVersion snapshots, CancellationToken ct)
    {
        var ready = snapshots.IsFresh && await AnswersAsync(source, ct);
        return TypedResults.Json(new { Status = ready ? "ready" : "unavailable" }, statusCode: ready ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable);
    }

    private static async Task<IResult> ReportAsync(
        NpgsqlDataSource source, Schema schema, IStripeConnection stripe, Enforcement enforcement, IDbContextFactory<BillingDbContext> contexts, CancellationToken ct)
    {
        var report = new Dictionary<string, object> { ["status"] = "unhealthy", ["version"] = Telemetry.Version, ["database"] = "unreachable" };
        var healthy = await AnswersAsync(source, ct);
        if (healthy)
        {
            report["database"] = "ok";
            var pending = (await schema.StatusAsync(ct)).Pending.Count;
            report["migrations"] = pending == 0 ? "applied" : $"{pending} pending";
            report["payments"] = stripe.Current.Mode;
            report["enforcement"] = enforcement.Mode;
            await using var db = await contexts.CreateDbContextAsync(ct);
            // Not why a job failed: that may name what is inside.
            report["jobs"] = await db.Set<JobRun>().AsNoTracking().OrderBy(j => j.Name).Select(j => new JobReport(j.Name, j.Error == null ? "ok" : "failed", j.FinishedAt)).ToListAsync(ct);
            healthy = pending == 0;
            report["status"] = healthy ? "healthy" : "unhealthy";
        }

        return TypedResults.Json(report, statusCode: healthy ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable);
    }

    private static async Task<bool> AnswersAsync(NpgsqlDataSource source, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(Patience);
        try
        {
            await using var command = source.CreateCommand("select 1");
            return await command.ExecuteScalarAsync(limit.Token) is 1;
        }
        catch (Exception e) when (!ct.IsCancellationRequested && e is NpgsqlException or OperationCanceledException or TimeoutException)
        {
            return false;
        }
    }

    private sealed record JobReport(string Name, string Status, DateTimeOffset FinishedAt);
}
