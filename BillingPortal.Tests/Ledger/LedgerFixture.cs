using BillingPortal.Catalog;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using BillingPortal.Tests.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace BillingPortal.Tests.Ledger;

/// <summary>The ledger on its own, under a small catalog that has one of everything.</summary>
public class LedgerFixture : PortalFixture
{
    public static readonly CatalogDocument Catalog = new()
    {
        Name = "test",
        Currency = Unit.Of("usd"),
        DefaultPlan = "free",
        FreeUses = 3,
        Meters = [new("messages", "Messages"), new("llm_tokens", "Tokens"), new("calls", "Calls")],
        Plans =
        [
            new("free", "Free")
            {
                Allowances = [new("messages", Amount.Of(10m)), new("llm_tokens", Amount.Of(1000m)) { Cap = Cap.Soft, GracePercent = 120 }],
                Funding = new Dictionary<Unit, IReadOnlyList<FundingStep>>
                {
                    [Unit.Of("messages")] = [new(Unit.Of("messages")), new(Unit.Credit)],
                    [Unit.Credit] = [new(Unit.FreeUse, PerUse: true), new(Unit.Credit)],
                },
            },
            new("standard", "Standard")
            {
                Rank = 1,
                Prices = [new(BillingInterval.Month, Amount.Of(99m), Unit.Of("usd"))],
                Allowances =
                [
                    new("messages", Amount.Of(100m)) { RolloverPercent = 50 },
                    new("llm_tokens", Amount.Of(10_000m)) { Cap = Cap.Soft, Overage = new(0.01m, Unit.Of("usd"), 1000) },
                    new("calls", null),
                ],
                IncludedCredits = Amount.Of(50m),
            },
        ],
    };

    public BillingPortal.Ledger.Ledger Ledger => Services.GetRequiredService<BillingPortal.Ledger.Ledger>();

    private readonly string file = Path.Combine(Path.GetTempPath(), $"catalog-{Guid.NewGuid():N}.json");

    protected override void Configure(IDictionary<string, string?> settings)
    {
        File.WriteAllText(file, CatalogJson.Write(Catalog));
        settings["Catalog:File"] = file;
    }

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        File.Delete(file);
    }

    public async Task<AccountId> AccountAsync(decimal credits = 0m)
    {
        var account = AccountId.New();
        await Ledger.AdvanceAsync(account);
        if (credits > 0m)
        {
            await GrantAsync(account, credits);
        }

        return account;
    }

    public Task<PostResult> GrantAsync(AccountId account, decimal amount, string unit = "credit", string? key = null) =>
        Ledger.PostAsync(new GrantOperation(account, Origin.Api, key ?? Guid.NewGuid().ToString("N"), new GrantTerms(Unit.Of(unit), Amount.Of(amount), GrantSource.Promotional), "welcome"));

    public async Task<decimal> BalanceAsync(AccountId account, string unit = "credit") =>
        await ScalarAsync<decimal>("select balance from wallets where account_id = $1 and unit = $2", account.Value, unit);
}

/// <summary>The plainest debit there is.</summary>
internal sealed class TakeOperation(AccountId account, string key, decimal amount, string unit = "credit") : Operation(account, Origin.Api, key)
{
    public override string Kind => "take";
    public override byte[] BodyHash
    {
        get
        {
            var digest = new DigestWriter(stackalloc byte[128]);
            digest.Add(Kind);
            digest.Add(amount);
            digest.Add(unit);
            return digest.Sha256();
        }
    }

    public override Refusal? Decide(AccountState account) => account.DebitAboveFloor(Unit.Of(unit), Amount.Of(amount), Book.Revenue, TransferKind.Charge);
}
