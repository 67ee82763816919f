using BillingPortal.Access;
using BillingPortal.Catalog;
using BillingPortal.Data;
using BillingPortal.Payments.Settings;
using BillingPortal.Payments.Stripe;
using BillingPortal.Payments.Sync;
using Microsoft.AspNetCore.Http.HttpResults;
using Npgsql;

namespace BillingPortal.Payments;

public enum FindingState { Ok, Warning, Error }

/// <summary>One thing looked at.</summary>
/// <param name="Check">What was looked at, e.g. <c>price pack_small_usd</c>.</param>
/// <param name="Message">What was found.</param>
/// <param name="Mend">How to mend it; null when there is nothing to mend.</param>
public sealed record Finding(string Check, FindingState State, string Message, string? Mend = null);

/// <summary>What the doctor found; <paramref name="Ok"/> when nothing is in error.</summary>
public sealed record Diagnosis(bool Ok, IReadOnlyList<Finding> Findings);

/// <summary>Looks at the setup (A12): database, migrations, Stripe's keys, every price. Changes nothing.</summary>
public sealed class Doctor(NpgsqlDataSource database, Schema schema, SecretBox box, StripeSettings settings, IHostEnvironment environment, IStripeConnection connection, StripeClient stripe, SoldPrices prices, CatalogSnapshot catalog, Tenants tenants, TimeProvider time, StripeSync sync)
{
    public async Task<Diagnosis> LookAsync(CancellationToken ct = default)
    {
        var findings = new List<Finding>();
        await DatabaseAsync(findings, ct);
        Encryption(findings);
        var answers = await KeysAsync(findings, ct);
        Webhooks(findings);
        await FaultsAsync(findings, ct);
        if (answers)
        {
            await PricesAsync(findings, ct);
            await SetupAsync(findings, ct);
        }

        return new(findings.TrueForAll(f => f.State != FindingState.Error), findings);
    }

    private async Task DatabaseAsync(List<Finding> findings, CancellationToken ct)
    {
        try
        {
            await using var version = database.CreateCommand("show server_version");
            findings.Add(new("database", FindingState.Ok, $"PostgreSQL {await version.ExecuteScalarAsync(ct)} answers."));
            var status = await schema.StatusAsync(ct);
            findings.Add(status.Pending.Count == 0
                ? new("migrations", FindingState.Ok, $"All {status.Applied.Count} migrations are applied.")
                : new("migrations", FindingState.Error, $"Not applied: {string.Join(", ", status.Pending)}.", "Run: dotnet BillingPortal.dll migrate"));
        }
        catch (NpgsqlException unreachable)
        {
            findings.Add(new("database", FindingState.Error, $"The database does not answer: {unreachable.Message}", "Check ConnectionStrings__Billing and that the server runs."));
        }
    }

    private void Encryption(List<Finding> findings) => findings.Add(
        settings.IsUnreadable ? new("encryption keys", FindingState.Error, "None of them opens the stored keys for Stripe: nothing can be bought.", "Put the key that sealed them back at the end of Encryption__Keys, or enter the keys anew under Settings.")
        : box.HasKeys ? new("encryption keys", FindingState.Ok, "Secrets in the database are sealed.")
        : new("encryption keys", environment.IsProduction() ? FindingState.Error : FindingState.Warning, "None is set: the keys that seal cookies stand readable in a dump, and no key for Stripe can be kept in the settings.", "Set Encryption__Keys to 32 or more random characters, and keep it apart from the dumps."));

    /// <returns>Whether there is any use in asking Stripe for more.</returns>
    private async Task<bool> KeysAsync(List<Finding> findings, CancellationToken ct)
    {
        var current = connection.Current;
        if (current.Mode != PaymentsMode.Stripe)
        {
            findings.Add(current.Mode == PaymentsMode.Simulator
                ? new("stripe key", FindingState.Warning, "No key is set: payments go to the built-in simulator, and no money moves.", "Give a secret key under Settings, or by Stripe__SecretKey, to take real payments.")
                : new("stripe key", FindingState.Warning, "No key is set: nothing can be bought, and enforcement is off.", "Give a secret key under Settings, or by Stripe__SecretKey."));
            if (current is { Mode: PaymentsMode.Simulator, ApiBase: null })
            {
                findings.Add(new("prices", FindingState.Ok, "The simulator lives in the running portal and makes each price at its first purchase; the portal's own page of the doctor sees them."));
            }

            return current is { Mode: PaymentsMode.Simulator, ApiBase: not null };
        }

        var mode = current.IsLive ? "live" : "test";
        var answer = await stripe.Events.ListAsync(new() { Limit = 1 }, ct);
        findings.Add(answer.Match(
            _ => new Finding("stripe key", FindingState.Ok, $"Stripe takes the {mode} key."),
            error => error.Failure switch
            {
                StripeFailure.NotConfigured => new("stripe key", FindingState.Error, "There is none that can be used.", "Enter the secret key anew under Settings, or give it by Stripe__SecretKey."),
                StripeFailure.Unknown or StripeFailure.Unavailable => new("stripe key", FindingState.Error, $"Stripe at {current.ApiBase?.Authority} does not answer: {error.Message}", "Look at the way from here to Stripe (network, proxy, Stripe__ApiBase) and at status.stripe.com, then look again."),
                _ => new("stripe key", FindingState.Error, $"Stripe refuses the {mode} key: {error.Message}", "Copy the secret key anew from Stripe's dashboard (Developers, API keys) into Settings or Stripe__SecretKey."),
            }));
        var answers = answer is not StripeResult<StripeList<StripeListedEvent>>.Failed;
        if (!answers)
        {
            findings.Add(new("prices and setup", FindingState.Warning, "Not looked at: Stripe cannot be asked.", "Mend that first, then look again."));
        }

        if (current.PublishableKey is { } publishable)
        {
            findings.Add(publishable.StartsWith("pk_live_", StringComparison.Ordinal) == current.IsLive
                ? new("publishable key", FindingState.Ok, $"It is for {mode}, as the secret key is.")
                : new("publishable key", FindingState.Error, $"The secret key is for {mode} and the publishable key is not.", $"Take both keys from the same mode: the publishable one must begin with pk_{mode}_."));
        }

        return answers;
    }

    private void Webhooks(List<Finding> findings)
    {
        var secrets = connection.Current.WebhookSecrets;
        findings.Add(connection.Current.Mode == PaymentsMode.None ? new("webhook secret", FindingState.Warning, "Without payments there are no webhooks.")
            : secrets.Count == 0 ? new("webhook secret", FindingState.Error, "None is set: every delivery is refused.", "Copy the signing secret of the webhook endpoint into Settings or Stripe__WebhookSecret.")
            : secrets.Any(s => !s.StartsWith("whsec_", StringComparison.Ordinal) || s.Any(char.IsWhiteSpace)) ? new("webhook secret", FindingState.Warning, "A secret does not look like one: it begins with whsec_ and holds no space.", "Copy the signing secret anew.")
            : new("webhook secret", FindingState.Ok, secrets.Count == 1 ? "One is set." : $"{secrets.Count} are set, as while one is being replaced."));
    }

    private async Task FaultsAsync(List<Finding> findings, CancellationToken ct)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        foreach (var fault in await SignatureFaults.ReadAsync(scope, time.GetUtcNow().AddDays(-1), ct))
        {
            findings.Add(new("webhook signatures", FindingState.Warning, $"{fault.Count} deliveries were refused on {fault.Day:yyyy-MM-dd}, the last at {fault.LastAt:HH:mm} UTC.", SignatureFaultCount.Explain(fault.Cause)));
        }
    }

    private async Task PricesAsync(List<Finding> findings, CancellationToken ct)
    {
        var current = connection.Current;
        if (current.Mode == PaymentsMode.None || !catalog.IsLoaded)
        {
            return;
        }

        var simulated = current.Mode == PaymentsMode.Simulator;
        foreach (var sold in SoldPrice.All(catalog.Current))
        {
            var found = await prices.LookUpAsync(sold, simulated, ct);
            findings.Add(found.Match(price => Judge(sold, price, current, simulated), error => new Finding($"price {sold.LookupKey}", FindingState.Error, $"Stripe did not say: {error.Message}", "Mend the key first.")));
        }
    }

    /// <summary>The rest of what Stripe must have is what a sync would do.</summary>
    private async Task SetupAsync(List<Finding> findings, CancellationToken ct)
    {
        if (connection.Current is not { Mode: PaymentsMode.Stripe, SecretKey: not null } || !catalog.IsLoaded)
        {
            return;
        }

        (await sync.RunAsync("doctor", dryRun: true, ct)).Match(
            report =>
            {
                // Prices were looked at above, one by one.
                findings.AddRange(report.Steps.Where(s => !s.What.StartsWith("price ", StringComparison.Ordinal)).Select(Judge));
                return true;
            },
            refusal =>
            {
                findings.Add(new("stripe setup", FindingState.Warning, refusal.Detail, "Look again in a moment."));
                return false;
            });
    }

    private static Finding Judge(SyncStep step) => step.Act switch
    {
        SyncAct.InOrder => new(step.What, FindingState.Ok, step.Detail),
        SyncAct.Failed => new(step.What, FindingState.Error, $"Stripe did not say: {step.Detail}", "Mend the key first."),
        SyncAct.Blocked => new(step.What, FindingState.Error, "A person must set this up.", step.Detail),
        // Without its endpoint nothing that is paid for is granted; the others only look or count wrong.
        _ => new(step.What, step.What == SyncWebhook.What ? FindingState.Error : FindingState.Warning, $"{(step.Act == SyncAct.Create ? "Missing" : "Different")}: {step.Detail}", "Run `stripe sync`, or press Compare with Stripe under Settings."),
    };

    private Finding Judge(SoldPrice sold, StripePrice? price, StripeConnection current, bool simulated)
    {
        var bound = prices.BoundOf(sold);
        var check = $"price {bound ?? sold.LookupKey}";
        var mend = bound is null
            ? $"Run `stripe sync`, or make an active price in Stripe with lookup key {sold.LookupKey} ({sold.Amount} {sold.Currency}{(sold.Interval is { } every ? $" each {SoldPrice.Word(every)}" : ", one time")})."
            : $"Bind a fitting price to {sold.LookupKey} (Settings, or the catalog's stripe_price), or none, so that it is found by its lookup key {sold.LookupKey}.";
        return price is null && simulated ? new(check, FindingState.Ok, $"{sold.Name}: the simulator makes it at the first purchase.")
            : price is null ? new(check, FindingState.Error, $"{sold.Name}: there is no such price. Its button is off.", mend)
            : sold.Mismatch(price, current.IsLive) is { } why && !simulated ? new(check, FindingState.Error, $"{sold.Name}: {price.Id} does not fit, {why}. Its button is off.", mend)
            : new(check, FindingState.Ok, $"{sold.Name}: {price.Id}.");
    }
}

internal static class DoctorEndpoint
{
    public static RouteGroupBuilder MapDoctor(this RouteGroupBuilder api)
    {
        api.MapGet("/admin/doctor", async Task<Ok<Diagnosis>> (Doctor doctor, CancellationToken ct) => TypedResults.Ok(await doctor.LookAsync(ct)))
            .WithName("Doctor").WithSummary("Look at the setup: what is wrong, and how to mend it").WithTags("Admin").RequireScope(Scope.Admin);
        return api;
    }
}
