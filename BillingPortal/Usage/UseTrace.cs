using BillingPortal.Data;
using BillingPortal.Ledger;
using BillingPortal.Payments;
using BillingPortal.Primitives;
using BillingPortal.Usage.Submission;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace BillingPortal.Usage;

/// <summary>An event as it was taken.</summary>
public sealed record TracedEvent(string Source, string Id, DateTimeOffset Time, DateTimeOffset ReceivedAt, string? Meter, decimal? Quantity, decimal? Value, string? Provider, string? Model, string? Agent, string? Member, string? Run,
    long? InputTokens, long? OutputTokens)
{
    internal Guid UsageId { get; init; }
}

/// <summary>A row of the ledger that a charge made, or that came of it.</summary>
public sealed record TracedTransfer(Unit Unit, long Seq, TransferKind Kind, Amount Amount, Amount BalanceAfter, DateTimeOffset CreatedAt);

/// <summary>The charge of one or several events.</summary>
/// <param name="Events">How many events it stands for; 0: it was asked for by itself.</param>
/// <param name="ReratedBy">The charge that stands for it since it was rated again.</param>
public sealed record TracedCharge(string Id, DateTimeOffset CreatedAt, int Events, string? RateVersion, IReadOnlyList<UnitAmount> Price, string? Rerates, string? ReratedBy);

/// <param name="Hour">The hour of UTC in whose rollups it stands.</param>
/// <param name="IsCounted">False: it is on the list and will be within seconds.</param>
public sealed record TracedRollup(DateTimeOffset Hour, bool IsCounted);

/// <summary>How use beyond the allowance was settled.</summary>
/// <param name="At">When the meter's debt went to the book of overage; null: it has not yet, its period runs.</param>
/// <param name="Report">The report to Stripe that it is in; null: there is none yet.</param>
/// <param name="Line">The line that bills it; null: no invoice has it yet.</param>
public sealed record TracedOverage(Unit Meter, DateTimeOffset? At, long? Seq, TracedReport? Report = null, TracedLine? Line = null);

/// <param name="Value">A whole number of the meter, of this use and of what came before it since the last report.</param>
/// <param name="SentAt">Null: Stripe does not have it yet.</param>
public sealed record TracedReport(string Id, long Value, ReportWay? Way, ReportStatus Status, DateTimeOffset? SentAt);

/// <summary>A line of an invoice that bills use of a meter.</summary>
/// <param name="Invoice">Its id.</param>
/// <param name="Number">Null: the invoice is a draft yet.</param>
/// <param name="Status">The invoice's, in Stripe's word.</param>
public sealed record TracedLine(string Id, string Invoice, string? Number, string Status, string? Description, decimal? Quantity, Amount Amount, Unit Currency, DateTimeOffset? Start, DateTimeOffset? End);

/// <summary>An invoice that serves the time.</summary>
public sealed record TracedInvoice(string Id, string? Number, string Status, DateTimeOffset? PeriodStart, DateTimeOffset? PeriodEnd, Amount Total, Unit Currency);

/// <summary>One use from the report to the invoice (E7), and the verdict in a sentence.</summary>
/// <param name="Waiting">Why it is not charged yet; null: it is.</param>
/// <param name="Overage">Meters that it took below zero.</param>
/// <param name="Invoices">Those that serve the instant of its overage, or else of the charge.</param>
public sealed record TracedUse(TracedEvent? Event, string? Waiting, TracedCharge? Charge, IReadOnlyList<TracedTransfer> Transfers, TracedRollup? Rollup, IReadOnlyList<TracedOverage> Overage, IReadOnlyList<TracedInvoice> Invoices,
    string Verdict);

/// <summary>Follows an event or a charge through the house: received, charged, counted, settled, reported, invoiced. Each step is one look-up by a key.</summary>
public sealed class UseTrace(Tenants tenants)
{
    // An event lies within 35 days before it came; most came at once.
    private static readonly TimeSpan[] Lookback = [TimeSpan.FromMinutes(10), TimeSpan.FromDays(1), TimeSpan.FromDays(36)];

    /// <returns>Null: the account has no such event.</returns>
    public async Task<TracedUse?> OfEventAsync(AccountId account, string source, string id, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForAccountAsync(account, ct);
        if (await EventAsync(scope, account, source, id, ct) is not { } found)
        {
            return null;
        }

        var charge = await ChargeOfAsync(scope, account, found.UsageId, ct);
        if (charge is not null)
        {
            return await OfChargeAsync(scope, found, charge, ct);
        }

        var waiting = await scope.Db.Set<UnchargedUsage>().AsNoTracking().FirstOrDefaultAsync(u => u.AccountId == account && u.Id == found.UsageId, ct);
        var why = waiting is null ? "It says where a level stands, or is kept without a charge." : waiting.Refusal ?? "It waits its turn.";
        return new(found, why, null, [], null, [], [], waiting?.Refusal is null ? $"Received. {why}" : $"Received, and parked for a person: {waiting.Refusal}");
    }

    /// <returns>Null: the account has no such charge.</returns>
    public async Task<TracedUse?> OfChargeAsync(ChargeId id, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForAccountAsync(id.Account, ct);
        return await scope.Db.Set<Charge>().AsNoTracking().FirstOrDefaultAsync(c => c.AccountId == id.Account && c.Id == id.Value, ct) is { } charge ? await OfChargeAsync(scope, null, charge, ct) : null;
    }

    private static async Task<TracedUse> OfChargeAsync(TenantScope scope, TracedEvent? of, Charge charge, CancellationToken ct)
    {
        var receipt = StoredReceipt.Read(charge);
        var account = charge.AccountId;
        var refunds = await scope.Db.Set<ChargeRefund>().AsNoTracking().Where(r => r.AccountId == account && r.ChargeId == charge.Id).Select(r => r.Id).ToListAsync(ct);
        var rerated = refunds.Count == 0 ? null : await scope.Db.Set<Charge>().Where(c => c.AccountId == account && refunds.Contains(c.Id)).Select(c => (Guid?)c.Id).FirstOrDefaultAsync(ct);
        var transfers = new List<TracedTransfer>();
        var overage = new List<TracedOverage>();
        foreach (var part in receipt.Funding.Where(p => p.Seq > 0))
        {
            var rows = scope.Db.Set<Transfer>().AsNoTracking().Where(t => t.AccountId == account && t.Unit == part.Unit);
            transfers.AddRange(await rows.Where(t => t.Seq == part.Seq).Select(t => new TracedTransfer(t.Unit, t.Seq, t.Kind, t.Amount, t.BalanceAfter, t.CreatedAt)).ToListAsync(ct));
            if (part.Unit.IsMeter && part.BalanceAfter.IsNegative)
            {
                var settled = await rows.Where(t => t.Seq > part.Seq && t.Kind == TransferKind.Overage).OrderBy(t => t.Seq).Select(t => new { t.CreatedAt, t.Seq }).FirstOrDefaultAsync(ct);
                var report = await ReportAsync(scope, account, part.Unit, charge.CreatedAt, ct);
                overage.Add(new(part.Unit, settled?.CreatedAt, settled?.Seq, report is null ? null : new(report.ShownId, report.Value, report.Way, report.Status, report.SentAt),
                    report is null ? null : await LineAsync(scope, report, ct)));
            }
        }

        var at = charge.OccurredAt ?? charge.CreatedAt;
        var isCounted = !await scope.Db.Set<UncountedCharge>().AnyAsync(u => u.AccountId == account && u.ChargeId == charge.Id, ct);
        var invoices = await InvoicesAsync(scope, account, overage.Select(o => o.At).FirstOrDefault(o => o is not null) ?? charge.CreatedAt, ct);
        var traced = new TracedCharge(charge.ShownId.ToString(), charge.CreatedAt, receipt.Events, receipt.RateVersion, receipt.Price, receipt.Rerates is { } stood ? new ChargeId(account, stood).ToString() : null,
            rerated is { } by ? new ChargeId(account, by).ToString() : null);
        return new(of, null, traced, transfers, new(new(at.UtcDateTime.Date.AddHours(at.UtcDateTime.Hour), TimeSpan.Zero), isCounted), overage, invoices, Verdict(receipt, rerated is not null, isCounted, overage, invoices));
    }

    private static string Verdict(Receipt receipt, bool isRerated, bool isCounted, List<TracedOverage> overage, List<TracedInvoice> invoices)
    {
        var paid = isRerated ? "Charged, reversed and rated again: another charge stands for it"
            : receipt.IsSuspense ? "Charged without a price: it waits for staff to name one"
            : receipt.Price.Count == 0 ? "Charged, and free"
            : receipt.Funding.Count == 0 ? "Recorded with its price; nothing moved" : "Charged and paid by the wallets";
        var counted = isCounted ? "counted in its hour" : "not counted yet";
        var settled = overage.Count == 0 ? "nothing of it is overage"
            : overage.TrueForAll(o => o.Line is not null) ? $"its overage is billed by {string.Join(" and ", overage.Select(o => $"'{o.Line!.Description}' of invoice {o.Line.Number ?? o.Line.Invoice}"))}"
            : overage.Exists(o => o.At is null) ? "what is beyond the allowance is billed at the period's end"
            : invoices.Count > 0 ? $"its overage is of the time of invoice {invoices[0].Number ?? invoices[0].Id}" : "its overage is settled; no invoice of that time is known yet";
        return $"{paid}; {counted}; {settled}.";
    }

    private static async Task<TracedEvent?> EventAsync(TenantScope scope, AccountId account, string source, string id, CancellationToken ct)
    {
        var digest = new UsageEvent(0, "", source, id).Digest();
        await using var key = scope.Command("select received_at from usage_keys where account_id = $1 and digest = $2");
        key.Parameters.Add(new() { Value = account.Value });
        key.Parameters.Add(new() { Value = digest });
        if (await key.ExecuteScalarAsync(ct) is not DateTime received)
        {
            return null;
        }

        foreach (var back in Lookback)
        {
            await using var command = scope.Command("""
                select source, id, time, received_at, meter, quantity, value, provider, model, agent, member, run, input_tokens, output_tokens, usage_id
                from usage_events where account_id = $1 and digest = $2 and time > $3 and time <= $4
                """);
            command.Parameters.Add(new() { Value = account.Value });
            command.Parameters.Add(new() { Value = digest });
            command.Parameters.Add(new() { Value = received - back });
            command.Parameters.Add(new() { Value = received.AddMinutes(10) });
            await using var reader = await command.ExecuteReaderAsync(ct);
            if (await reader.ReadAsync(ct))
            {
                return Read(reader);
            }
        }

        return null;
    }

    private static TracedEvent Read(NpgsqlDataReader reader)
    {
        string? Text(int column) => reader.IsDBNull(column) ? null : reader.GetString(column);
        decimal? Number(int column) => reader.IsDBNull(column) ? null : reader.GetDecimal(column) / 1.000000000000000000000000000000m; // without the column's zeros
        long? Count(int column) => reader.IsDBNull(column) ? null : reader.GetInt64(column);
        return new(reader.GetString(0), reader.GetString(1), reader.GetFieldValue<DateTimeOffset>(2), reader.GetFieldValue<DateTimeOffset>(3), Text(4), Number(5), Number(6), Text(7), Text(8), Text(9), Text(10), Text(11), Count(12), Count(13))
        {
            UsageId = reader.GetGuid(14),
        };
    }

    private static async Task<Charge?> ChargeOfAsync(TenantScope scope, AccountId account, Guid usage, CancellationToken ct)
    {
        var key = ChargeUsage.KeyOf(usage);
        return await scope.Db.Set<RecordedOperation>().Where(o => o.AccountId == account && o.Origin == Origin.Job && o.Key == key).Select(o => (Guid?)o.Id).FirstOrDefaultAsync(ct) is { } id
            ? await scope.Db.Set<Charge>().AsNoTracking().FirstOrDefaultAsync(c => c.AccountId == account && c.Id == id, ct)
            : null;
    }

    /// <summary>The first report that closes after the use: numbers are cumulated, so it holds what was used until then.</summary>
    private static async Task<MeterReport?> ReportAsync(TenantScope scope, AccountId account, Unit meter, DateTimeOffset used, CancellationToken ct)
    {
        var second = DateTimeOffset.FromUnixTimeSeconds(used.ToUnixTimeSeconds());
        return await scope.Db.Set<MeterReport>().AsNoTracking().Where(r => r.AccountId == account && r.Meter == meter && r.Value > 0 && r.At >= second && r.CreatedAt >= used).OrderBy(r => r.Number).FirstOrDefaultAsync(ct);
    }

    /// <summary>What the meter has counted is billed by the line of its product whose stretch of time the report lies in; an item carries the report's name.</summary>
    private static async Task<TracedLine?> LineAsync(TenantScope scope, MeterReport report, CancellationToken ct)
    {
        await using var command = scope.Command("""
            select l->>'id', i.id, i.number, i.status, l->>'description', (l->>'quantity')::numeric, (l->>'amount')::numeric, i.currency, (l->>'start')::timestamptz, (l->>'end')::timestamptz
            from invoices i cross join jsonb_array_elements(i.lines) l
            where i.account_id = $1 and i.created_at >= $2 - interval '1 hour' and i.status <> 'void'
                and (l->>'report' = $3 or $5 and l->>'product' = $4 and (l->>'start')::timestamptz <= $2 and (l->>'end')::timestamptz > $2)
            order by i.created_at limit 1
            """);
        command.Parameters.Add(new() { Value = report.AccountId.Value });
        command.Parameters.Add(new() { Value = report.At });
        command.Parameters.Add(new() { Value = report.Identifier });
        command.Parameters.Add(new() { Value = MeteredPrice.ProductOf(report.Meter.Code) });
        command.Parameters.Add(new() { Value = report.Way == ReportWay.MeterEvent });
        await using var reader = await command.ExecuteReaderAsync(ct);
        if (!await reader.ReadAsync(ct))
        {
            return null;
        }

        string? Text(int column) => reader.IsDBNull(column) ? null : reader.GetString(column);
        DateTimeOffset? Instant(int column) => reader.IsDBNull(column) ? null : reader.GetFieldValue<DateTimeOffset>(column);
        return new(reader.GetString(0), reader.GetString(1), Text(2), reader.GetString(3), Text(4), reader.IsDBNull(5) ? null : reader.GetDecimal(5), Amount.Of(reader.GetDecimal(6)), Unit.Of(reader.GetString(7)), Instant(8), Instant(9));
    }

    // By SQL: invoices live beside this room, not below it.
    private static async Task<List<TracedInvoice>> InvoicesAsync(TenantScope scope, AccountId account, DateTimeOffset at, CancellationToken ct)
    {
        await using var command = scope.Command("""
            select id, number, status, period_start, period_end, total, currency from invoices
            where account_id = $1 and created_at >= $2 - interval '1 hour' and created_at < $2 + interval '62 days' and period_end >= $2 - interval '1 day' order by created_at limit 3
            """);
        command.Parameters.Add(new() { Value = account.Value });
        command.Parameters.Add(new() { Value = at });
        await using var reader = await command.ExecuteReaderAsync(ct);
        var invoices = new List<TracedInvoice>();
        while (await reader.ReadAsync(ct))
        {
            invoices.Add(new(reader.GetString(0), reader.IsDBNull(1) ? null : reader.GetString(1), reader.GetString(2), reader.IsDBNull(3) ? null : reader.GetFieldValue<DateTimeOffset>(3),
                reader.IsDBNull(4) ? null : reader.GetFieldValue<DateTimeOffset>(4), Amount.Of(reader.GetDecimal(5)), Unit.Of(reader.GetString(6))));
        }

        return invoices;
    }
}
