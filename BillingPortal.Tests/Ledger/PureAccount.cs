using BillingPortal.Catalog;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using BillingPortal.Rating;

namespace BillingPortal.Tests.Ledger;

/// <summary>An account without a database, opened under the test catalog and moved through time by hand.</summary>
internal sealed class PureAccount
{
    public static readonly DateTimeOffset Opening = new(2026, 1, 31, 10, 0, 0, TimeSpan.Zero);

    private readonly CatalogDocument catalog;
    private readonly Dictionary<Unit, Level> levels = [];
    private AccountState state;

    private TimeZoneInfo zone;

    /// <param name="opening">Null: <see cref="Opening"/>.</param>
    /// <param name="zone">The account's own; null: UTC.</param>
    public PureAccount(CatalogDocument? catalog = null, DateTimeOffset? opening = null, TimeZoneInfo? zone = null)
    {
        this.catalog = catalog ?? LedgerFixture.Catalog;
        this.zone = zone ?? TimeZoneInfo.Utc;
        var start = opening ?? Opening;
        state = new(AccountState.NewHead(AccountId.New(), this.catalog, start), this.catalog, start) { Zone = this.zone };
        Advance();
    }

    public AccountState State => state;
    public List<Transfer> Transfers { get; } = [];

    /// <summary>The next look at the account, at an instant.</summary>
    public PureAccount At(DateTimeOffset now)
    {
        Keep();
        foreach (var level in state.TouchedLevels)
        {
            levels[level.Meter] = level;
        }

        var next = new AccountState(state.Head, catalog, now) { Zone = zone };
        foreach (var wallet in state.Wallets)
        {
            next.Add(wallet);
        }

        foreach (var grant in state.Grants)
        {
            next.Add(grant);
        }

        foreach (var level in levels.Values)
        {
            next.Add(level);
        }

        foreach (var hold in state.OpenHolds)
        {
            next.Add(hold);
        }

        state = next;
        Advance();
        return this;
    }

    /// <summary>The customer moves; what has begun keeps its end.</summary>
    public PureAccount MovesTo(TimeZoneInfo other)
    {
        zone = other;
        return this;
    }

    public decimal Balance(string unit) => state.WalletOf(Unit.Of(unit)).Balance.Value;

    public PureAccount Granted(string unit, decimal amount, GrantSource source = GrantSource.Promotional, DateTimeOffset? expires = null, string? reference = null)
    {
        Assert.Null(state.Grant(new(Unit.Of(unit), Amount.Of(amount), source) { ExpiresAt = expires, Reference = reference }));
        return this;
    }

    public PureAccount On(string plan, DateTimeOffset? anchor = null)
    {
        Assert.Null(state.ChangePlan(plan, anchor));
        return this;
    }

    /// <summary>Charges a demand; it must be covered.</summary>
    public List<FundingPart> Charged(string unit, decimal amount, decimal uses = 1m)
    {
        var quote = FundingChain.Quote(state, new Demand(Unit.Of(unit), Amount.Of(amount), uses));
        Assert.Null(quote.Refusal);
        var (parts, refusal) = FundingChain.Take(state, quote);
        Assert.Null(refusal);
        return parts;
    }

    public Refusal Refused(string unit, decimal amount, decimal uses = 1m)
    {
        var quote = FundingChain.Quote(state, new Demand(Unit.Of(unit), Amount.Of(amount), uses));
        Assert.NotNull(quote.Refusal);
        return quote.Refusal;
    }

    /// <summary>Everything appended so far.</summary>
    public List<Transfer> All()
    {
        Keep();
        return Transfers;
    }

    private void Keep()
    {
        foreach (var row in state.PendingTransfers.Where(row => !Transfers.Contains(row)))
        {
            Transfers.Add(row);
        }

        state.Head.AdvancedAt = state.Now;
    }

    private void Advance()
    {
        state.Begin(Guid.CreateVersion7(), null, isCharge: false);
        state.Advance();
    }
}
