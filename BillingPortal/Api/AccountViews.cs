using System.Text.Json;
using BillingPortal.Accounts;
using BillingPortal.Catalog;
using BillingPortal.Charging;
using BillingPortal.Ledger;
using BillingPortal.Primitives;

namespace BillingPortal.Api;

// What the API says of an account: who it is (Accounts) joined with where it stands (Ledger).

internal sealed record ConsentView(bool Agreed, DateTimeOffset? At, string? Source);

internal sealed record AccountView(
    string Id, string ExternalId, string? Email, string? Name, Unit? Currency, AccountStatus Status, string Plan, LowBalancePolicy LowBalancePolicy, Amount? OverdraftLimit,
    long TotalUses, DateTimeOffset CreatedAt, JsonElement Metadata, ConsentView? MarketingConsent)
{
    public AutoTopUpView? AutoTopUp { get; init; }
    /// <summary>A mail goes out when what is available falls below.</summary>
    public Amount? LowBalanceNotice { get; init; }
    /// <summary>IANA name: where days and calendar months begin.</summary>
    public string TimeZone { get; init; } = "UTC";

    public static AccountView Of(Account account, Standing standing, Plan plan) => new(
        account.AccountId.ToString(), account.ExternalId, account.Email, account.Name, standing.Currency ?? account.Currency, standing.Status, plan.Id,
        standing.LowBalancePolicy ?? plan.LowBalancePolicy, standing.OverdraftLimit ?? (plan.LowBalancePolicy == LowBalancePolicy.Limited ? plan.OverdraftLimit : null),
        standing.TotalUses, account.CreatedAt, JsonElement.Parse(account.Metadata),
        account.MarketingConsent is { } agreed ? new(agreed, account.MarketingConsentAt, account.MarketingConsentSource) : null) { TimeZone = account.TimeZone };
}

/// <summary>An account in a list: who it is; what it holds is a reading of its own.</summary>
internal sealed record AccountListed(string Id, string ExternalId, string? Email, string? Name, DateTimeOffset CreatedAt, JsonElement Metadata)
{
    public static AccountListed Of(Account account) =>
        new(account.AccountId.ToString(), account.ExternalId, account.Email, account.Name, account.CreatedAt, JsonElement.Parse(account.Metadata));
}

internal sealed record GrantShown(string Id, GrantSource Source, Amount Amount, Amount Remaining, DateTimeOffset? ExpiresAt, DateTimeOffset CreatedAt);

/// <summary>Where the wallet's chain of hashes ended when it was last anchored: kept elsewhere, it proves that nothing was cut off since.</summary>
internal sealed record AnchorShown(long Seq, Amount Balance, string Hash, DateTimeOffset AnchoredAt);

internal sealed record WalletShown(Unit Unit, Amount Balance, Amount Held, Amount Available, Amount? Debt, IReadOnlyList<GrantShown> Grants, AnchorShown? Anchor)
{
    public static WalletShown Of(WalletView wallet) => Of(wallet, null);

    public static WalletShown Of(WalletView wallet, AnchorView? anchor) => new(
        wallet.Unit, wallet.Balance, wallet.Held, wallet.Available, wallet.Debt.IsZero ? null : wallet.Debt,
        [.. wallet.Grants.Select(g => new GrantShown(g.Id.ToString(), g.Source, g.Amount, g.Remaining, g.ExpiresAt, g.CreatedAt))],
        anchor is null ? null : new(anchor.Seq, anchor.Balance, anchor.Hash, anchor.AnchoredAt));
}

internal sealed record WalletList(IReadOnlyList<WalletShown> Data);

/// <param name="Amount">Signed for the wallet.</param>
internal sealed record TransferShown(
    string Id, long Seq, Unit Unit, TransferKind Kind, Amount Amount, Amount BalanceAfter, Book Book, string? Reason, string? Reference, DateTimeOffset CreatedAt, string Hash)
{
    public static TransferShown Of(TransferView row) => new(
        row.Id.ToString(), row.Seq, row.Unit, row.Kind, row.Amount, row.BalanceAfter, row.Book, row.Reason, row.Charge?.ToString() ?? ShownId.Show("op_", row.OperationId), row.CreatedAt, row.Hash);
}

/// <summary>An allowance of the plan with its use. <see cref="Cap"/> is <c>unlimited</c> where the plan counts without end.</summary>
/// <param name="Kind"><c>counter</c>, used in this period; or <c>level</c>, used now.</param>
/// <param name="ResetsAt">Null for a level: it does not begin anew.</param>
internal sealed record QuotaShown(string Meter, string Name, MeterKind Kind, string Cap, Amount? Included, Amount Used, Amount? Remaining, decimal? Percent, DateTimeOffset? ResetsAt)
{
    /// <summary>The allowances of the plan, in the catalog's order. Pure.</summary>
    public static IReadOnlyList<QuotaShown> Of(CatalogDocument catalog, Plan plan, Standing standing, IReadOnlyList<WalletView> wallets, IReadOnlyList<Level> levels)
    {
        List<QuotaShown> quotas = [];
        foreach (var allowance in plan.Allowances)
        {
            if (catalog.FindMeter(allowance.Meter) is not { } meter)
            {
                continue;
            }

            var isLevel = meter.Kind == MeterKind.Level;
            var used = (isLevel ? levels.FirstOrDefault(l => l.Meter == meter.Unit)?.Value : wallets.FirstOrDefault(w => w.Unit == meter.Unit)?.UsedInPeriod) ?? Amount.Zero;
            var remaining = allowance.Included is { } included ? Amount.Max(Amount.Zero, included - used) : (Amount?)null;
            var percent = allowance.Included is { IsPositive: true } whole ? decimal.Round(100m * used.Value / whole.Value, 1) : (decimal?)null;
            quotas.Add(new(meter.Id, meter.Name, meter.Kind, allowance.Included is null ? "unlimited" : allowance.Cap == Catalog.Cap.Hard ? "hard" : "soft",
                allowance.Included, used, remaining, percent, isLevel ? null : standing.PeriodEnd));
        }

        return quotas;
    }
}

internal sealed record QuotaList(IReadOnlyList<QuotaShown> Data);

/// <summary>What the account may do: its plan with what this customer alone has otherwise.</summary>
/// <param name="Prices">Of this customer alone; null: none.</param>
/// <param name="OverridesVersion">Null: it is as the plan says.</param>
internal sealed record EntitlementsShown(string Plan, string PlanName, IReadOnlyList<string> Features, IReadOnlyList<string> Models, IReadOnlyList<string> Tools, IReadOnlyList<string> Providers, bool BringYourOwnKey, IReadOnlyList<LimitShown> Limits)
{
    public string? RateCard { get; init; }
    public OwnPrices? Prices { get; init; }
    public int? OverridesVersion { get; init; }

    public static EntitlementsShown Of(CatalogDocument catalog, Standing standing)
    {
        var plan = standing.PlanIn(catalog);
        var own = PlanOverrides.Parse(standing.Overrides);
        return new(plan.Id, plan.Name, plan.Features, plan.Models, plan.Tools, plan.Providers, plan.BringYourOwnKey, [.. plan.Allowances.Select(LimitShown.Of)])
        {
            RateCard = catalog.RateCardIdOf(plan),
            Prices = own.Prices,
            OverridesVersion = own.IsEmpty ? null : own.Version,
        };
    }
}

/// <param name="GracePercent">With a soft cap that sells no overage: refused beyond this share.</param>
internal sealed record LimitShown(string Meter, Amount? Included, string Cap, int? GracePercent = null, OveragePrice? Overage = null)
{
    public static LimitShown Of(Allowance allowance) => new(
        allowance.Meter, allowance.Included, allowance.Included is null ? "unlimited" : allowance.Cap == Catalog.Cap.Hard ? "hard" : "soft",
        allowance is { Cap: Catalog.Cap.Soft, Included: not null, Overage: null } ? allowance.GracePercent : null, allowance.Overage);
}

/// <summary>All that a product's page needs in one call.</summary>
internal sealed record BillingStatus(
    string Account, string ExternalId, string Plan, string PlanName, AccountStatus Status, DateTimeOffset? GraceUntil, DateTimeOffset PeriodStart, DateTimeOffset PeriodEnd,
    IReadOnlyList<QuotaShown> Allowances, IReadOnlyList<WalletShown> Wallets, Amount FreeUsesRemaining, Amount PaidCredits, long TotalUses, EnforcementMode Enforcement);
