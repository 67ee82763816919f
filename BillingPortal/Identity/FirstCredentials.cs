using BillingPortal.Access;
using BillingPortal.Identity.ApiKeys;
using BillingPortal.Identity.Users;
using Microsoft.AspNetCore.Identity;

namespace BillingPortal.Identity;

/// <summary>At the first start: the key and the admin that the configuration names, and in Development the people and the key of the demo.</summary>
internal sealed partial class FirstCredentials(IServiceScopeFactory scopes, IConfiguration configuration, IHostEnvironment environment, ApiKeyRing ring, ApiKeys.ApiKeys keys, ILogger<FirstCredentials> log) : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await ring.LoadAsync(cancellationToken);
        if (configuration["Bootstrap:ApiKey"]?.Trim() is { Length: > 0 } secret)
        {
            await keys.EnsureAsync(secret, "Bootstrap", cancellationToken);
        }

        await using var scope = scopes.CreateAsyncScope();
        var registration = scope.ServiceProvider.GetRequiredService<Registration>();
        if (configuration["Bootstrap:AdminEmail"]?.Trim() is { Length: > 0 } email && configuration["Bootstrap:AdminPassword"] is { Length: > 0 } password)
        {
            var made = await registration.EnsureStaffAsync(email, password, StaffRole.Admin, cancellationToken);
            if (!made.Succeeded)
            {
                throw new InvalidOperationException($"Bootstrap:AdminEmail was not made: {string.Join(' ', made.Errors.Select(e => e.Description))}");
            }
        }

        if (DemoPeople.AreWelcome(environment, configuration))
        {
            await keys.EnsureAsync(DemoPeople.ApiKey, "Demo", cancellationToken);
            await registration.EnsureStaffAsync(DemoPeople.StaffEmail, password: null, StaffRole.Admin, cancellationToken);
            await registration.EnsureCustomerAsync(DemoPeople.CustomerEmail, "Ada Lovelace", DemoPeople.CustomerAccount, cancellationToken);
            LogDemo(DemoPeople.ApiKey);
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    [LoggerMessage(1401, LogLevel.Information, "Demo sign-ins stand on /signin; the demo's API key is {Key}")]
    private partial void LogDemo(string key);
}
