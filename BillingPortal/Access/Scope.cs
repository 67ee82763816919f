namespace BillingPortal.Access;

/// <summary>What a credential may do (API.md, Conventions). <see cref="Admin"/> holds all others; <see cref="Read"/> does not reach <c>/admin</c>.</summary>
public enum Scope { Gate, Usage, Accounts, Read, Admin, Checkout }

/// <summary>Endpoint metadata: any one of these scopes is enough.</summary>
public sealed record RequiredScopes(IReadOnlyList<Scope> AnyOf);

public static class ScopeEndpointExtensions
{
    /// <summary>Demands a credential that holds one of the scopes; enforced before the body is read.</summary>
    public static TBuilder RequireScope<TBuilder>(this TBuilder endpoint, params Scope[] anyOf) where TBuilder : IEndpointConventionBuilder
    {
        endpoint.WithMetadata(new RequiredScopes(anyOf));
        return endpoint;
    }
}
