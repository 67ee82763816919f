using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Components.Server;

namespace BillingPortal.Identity.Users;

/// <summary>Open pages lose their rights within 60 seconds of a sign-out elsewhere, a lock-out or a changed role.</summary>
internal sealed class CircuitRights(ILoggerFactory logs, IServiceScopeFactory scopes, Sessions sessions) : RevalidatingServerAuthenticationStateProvider(logs)
{
    protected override TimeSpan RevalidationInterval => TimeSpan.FromSeconds(20);

    protected override async Task<bool> ValidateAuthenticationStateAsync(AuthenticationState authenticationState, CancellationToken cancellationToken)
    {
        // A circuit lives long; what reads the user must not.
        await using var scope = scopes.CreateAsyncScope();
        var fresh = await sessions.RereadAsync(authenticationState.User, scope.ServiceProvider, cancellationToken);
        return fresh is not null && Sessions.SameRights(authenticationState.User, fresh);
    }
}
