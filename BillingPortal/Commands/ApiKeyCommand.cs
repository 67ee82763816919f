using BillingPortal.Access;
using BillingPortal.Identity.ApiKeys;

namespace BillingPortal.Commands;

/// <summary>Makes an API key from the machine itself: the way in when no admin can sign in yet.</summary>
internal static class ApiKeyCommand
{
    public static readonly Command Create = new(["apikey", "create"], "NAME [--scopes=gate,usage,…] [--live]", "prints a new key, once; all scopes unless some are named", NeedsDatabase: true, CreateAsync);

    private static async Task<int> CreateAsync(IServiceProvider services, Arguments arguments, CancellationToken ct)
    {
        if (arguments.Operands is not [{ Length: >= 1 and <= ApiKeys.LongestName } name])
        {
            await Console.Error.WriteLineAsync($"Name the key, in at most {ApiKeys.LongestName} characters.");
            return 64;
        }

        var scopes = new List<Scope>();
        foreach (var word in arguments.Value("scopes")?.Split(',', StringSplitOptions.TrimEntries) ?? ["gate", "usage", "accounts", "read", "admin"])
        {
            if (!ScopeSet.TryParse(word, out var scope))
            {
                await Console.Error.WriteLineAsync($"'{word}' is no scope.");
                return 64;
            }

            scopes.Add(scope);
        }

        var made = await services.GetRequiredService<ApiKeys>().MakeAsync("command:apikey", new(name, arguments.Options.Contains("--live"), scopes, BoundAccounts: null), ct);
        await Console.Out.WriteLineAsync(made.Secret);
        return 0;
    }
}
