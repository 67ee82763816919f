using Microsoft.AspNetCore.Authorization;

namespace BillingPortal.Access;

/// <summary>Who may open which page, in one place. Handlers re-check: a hidden button protects nothing.</summary>
public static class Policies
{
    /// <summary>A customer signed in as an account.</summary>
    public const string Customer = "customer";
    /// <summary>A customer who may change settings, buy and cancel: owner or admin of the account.</summary>
    public const string CustomerAdmin = "customer-admin";
    /// <summary>Any staff role: reading.</summary>
    public const string Staff = "staff";
    /// <summary>Finance or admin: grants, adjustments, payments.</summary>
    public const string Finance = "finance";
    /// <summary>Staff admin: keys, catalog, settings, staff.</summary>
    public const string Admin = "admin";

    public static void Add(AuthorizationOptions options)
    {
        options.AddPolicy(Customer, policy => policy.RequireAssertion(context => context.User.Caller().Account is not null));
        options.AddPolicy(CustomerAdmin, policy => policy.RequireAssertion(context => context.User.Caller() is { Account: not null, Role: >= MemberRole.Admin }));
        options.AddPolicy(Staff, policy => policy.RequireAssertion(context => context.User.Caller().Staff is not null));
        options.AddPolicy(Finance, policy => policy.RequireAssertion(context => context.User.Caller().Staff is >= StaffRole.Finance));
        options.AddPolicy(Admin, policy => policy.RequireAssertion(context => context.User.Caller().Staff is StaffRole.Admin));
    }
}
