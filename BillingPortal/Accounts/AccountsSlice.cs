namespace BillingPortal.Accounts;

internal static class AccountsSlice
{
    public static WebApplicationBuilder AddAccounts(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<AccountDirectory>();
        builder.Services.AddSingleton<AccountRegister>();
        return builder;
    }

    public static RouteGroupBuilder MapAccounts(this RouteGroupBuilder api) => api;
}
