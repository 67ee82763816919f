namespace BillingPortal.Accounts;

internal static class AccountsSlice
{
    public static WebApplicationBuilder AddAccounts(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<AccountDirectory>();
        return builder;
    }

    public static RouteGroupBuilder MapAccounts(this RouteGroupBuilder api) => api;
}
