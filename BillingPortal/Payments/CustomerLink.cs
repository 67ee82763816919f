using BillingPortal.Accounts;
using BillingPortal.Data;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Payments;

/// <summary>An account's customer at Stripe. When that customer is gone a new generation follows; the old ones stay, since their events may still come.</summary>
public sealed class CustomerLink
{
    public AccountId AccountId { get; init; }
    /// <summary>1, 2… the highest is in use. Stands before Stripe is asked, so that asking again makes no second customer.</summary>
    public int Generation { get; init; }
    /// <summary><c>cus_…</c>; null until Stripe has answered.</summary>
    public string? CustomerId { get; set; }
    public DateTimeOffset CreatedAt { get; init; }

    internal sealed class Table : IEntityTypeConfiguration<CustomerLink>
    {
        public void Configure(EntityTypeBuilder<CustomerLink> builder)
        {
            builder.ToTable("stripe_customers");
            builder.HasKey(l => new { l.AccountId, l.Generation });
            builder.Property(l => l.CustomerId).HasMaxLength(255);
            builder.HasIndex(l => l.CustomerId);
        }
    }
}

/// <summary>Finds, makes and remakes an account's customer at Stripe (A4).</summary>
public sealed class CustomerLinks(Tenants tenants, StripeClient stripe, TimeProvider time, ILogger<CustomerLinks> log)
{
    /// <summary>Calls Stripe with the account's customer, made on demand. When Stripe says that the customer is missing or deleted, makes a new one and calls once more.</summary>
    /// <param name="call">Given the customer's id and its generation, which belongs into the call's idempotency key.</param>
    public async Task<StripeResult<T>> CallAsync<T>(AccountId account, Func<string, int, Task<StripeResult<T>>> call, CancellationToken ct)
    {
        var link = await LatestAsync(account, 1, ct);
        for (var heals = 0; ; heals++)
        {
            var made = await EnsureAsync(account, link, ct);
            if (!made.TryGet(out var customer, out var error))
            {
                return error;
            }

            var result = await call(customer, link.Generation);
            if (heals > 0 || result is not StripeResult<T>.Failed { Error.IsMissingCustomer: true })
            {
                return result;
            }

            log.LogWarning("stripe.customer_remade {Account} {Customer}", account, customer);
            link = await LatestAsync(account, link.Generation + 1, ct);
        }
    }

    /// <returns>The id of the customer in use; null where none was made yet.</returns>
    public async Task<string?> FindAsync(AccountId account, CancellationToken ct)
    {
        await using var scope = await tenants.ForAccountAsync(account, ct);
        return await scope.Db.Set<CustomerLink>().Where(l => l.AccountId == account && l.CustomerId != null).OrderByDescending(l => l.Generation).Select(l => l.CustomerId).FirstOrDefaultAsync(ct);
    }

    /// <summary>Whose customer this is, of any generation; for a writer's or staff's scope.</summary>
    public static async Task<AccountId?> AccountOfAsync(TenantScope scope, string customerId, CancellationToken ct) =>
        await scope.Db.Set<CustomerLink>().Where(l => l.CustomerId == customerId).Select(l => (AccountId?)l.AccountId).FirstOrDefaultAsync(ct);

    /// <summary>Binds a customer that exists at Stripe already, such as one taken over from another system.</summary>
    public async Task BindAsync(AccountId account, string customerId, CancellationToken ct)
    {
        var link = await LatestAsync(account, 1, ct);
        if (link.CustomerId != customerId)
        {
            link = link.CustomerId is null ? link : await LatestAsync(account, link.Generation + 1, ct);
            await KeepAsync(account, link.Generation, customerId, ct);
        }
    }

    private async Task<StripeResult<string>> EnsureAsync(AccountId account, CustomerLink link, CancellationToken ct)
    {
        if (link.CustomerId is { } known)
        {
            return known;
        }

        Account? who;
        await using (var scope = await tenants.ForAccountAsync(account, ct))
        {
            who = await scope.Db.Set<Account>().AsNoTracking().FirstOrDefaultAsync(a => a.AccountId == account, ct);
        }

        var options = new StripeCustomerOptions { Email = who?.Email, Name = who?.Name, Metadata = new Dictionary<string, string> { ["account"] = account.ToString() } };
        var made = await stripe.Customers.CreateAsync(options, $"customer:{account.Value:N}:{link.Generation}", ct);
        if (made is StripeResult<StripeCustomer>.Failed { Error.Failure: StripeFailure.IdempotencyConflict })
        {
            // The e-mail changed between an attempt without an answer and this one.
            made = await stripe.Customers.CreateAsync(options, $"customer:{account.Value:N}:{link.Generation}:{time.GetUtcNow().ToUnixTimeSeconds()}", ct);
        }

        if (!made.TryGet(out var customer, out var error))
        {
            return error;
        }

        await KeepAsync(account, link.Generation, customer.Id, ct);
        link.CustomerId = customer.Id;
        return customer.Id;
    }

    private async Task KeepAsync(AccountId account, int generation, string customerId, CancellationToken ct)
    {
        await using var scope = await tenants.ForAccountAsync(account, ct);
        await scope.Db.Set<CustomerLink>().Where(l => l.AccountId == account && l.Generation == generation && l.CustomerId == null)
            .ExecuteUpdateAsync(set => set.SetProperty(l => l.CustomerId, customerId), ct);
        await scope.CommitAsync(ct);
    }

    /// <summary>The link in use, at least of a generation; made when missing, once however many ask.</summary>
    private async Task<CustomerLink> LatestAsync(AccountId account, int atLeast, CancellationToken ct)
    {
        await using var scope = await tenants.ForAccountAsync(account, ct);
        await scope.Db.Database.ExecuteSqlAsync(
            $"""
            insert into stripe_customers (account_id, generation, created_at)
            select {account.Value}, {atLeast}, {time.Now()}
            where not exists (select from stripe_customers where account_id = {account.Value} and generation >= {atLeast})
            on conflict do nothing
            """, ct);
        var link = await scope.Db.Set<CustomerLink>().AsNoTracking().Where(l => l.AccountId == account).OrderByDescending(l => l.Generation).FirstAsync(ct);
        await scope.CommitAsync(ct);
        return link;
    }
}
