using BillingPortal.Access;
using BillingPortal.Tests.Testing;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace BillingPortal.Tests.Access;

/// <summary>One method of one route of the running portal.</summary>
/// <param name="Pattern">With a leading slash and the parameters' names in braces, without constraints.</param>
/// <param name="Scopes">Null: none demanded.</param>
internal sealed record Route(string Method, string Pattern, IReadOnlyList<Scope>? Scopes, bool IsShut)
{
    public bool IsApi => Pattern.StartsWith("/api/", StringComparison.Ordinal);
    public IEnumerable<string> Parameters => Pattern.Split('{').Skip(1).Select(p => p.Split('}')[0]);
    public override string ToString() => $"{Method} {Pattern}";

    /// <summary>The path with each parameter filled in.</summary>
    public string With(Func<string, string> value) => Parameters.Aggregate(Pattern, (path, name) => path.Replace($"{{{name}}}", Uri.EscapeDataString(value(name)), StringComparison.Ordinal));

    /// <summary>Everything that answers, from the route table itself: what is added later is here at once.</summary>
    public static IReadOnlyList<Route> AllOf(PortalFixture portal) =>
    [
        .. (from endpoint in portal.Services.GetServices<EndpointDataSource>().SelectMany(s => s.Endpoints).OfType<RouteEndpoint>()
            let pattern = "/" + string.Join('/', endpoint.RoutePattern.PathSegments.Select(s => string.Concat(s.Parts.Select(Text))))
            // Blazor's own hub and script, and files (in Development also by a catch-all).
            where !pattern.StartsWith("/_", StringComparison.Ordinal) && pattern != "/{path}" && endpoint.Metadata.GetMetadata<Microsoft.AspNetCore.StaticAssets.StaticAssetDescriptor>() is null
            from method in endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? ["GET"]
            let shut = endpoint.Metadata.GetOrderedMetadata<IAuthorizeData>().Count > 0 && endpoint.Metadata.GetMetadata<IAllowAnonymous>() is null
            select new Route(method, pattern, endpoint.Metadata.GetMetadata<RequiredScopes>()?.AnyOf, shut)).Distinct().OrderBy(r => r.ToString(), StringComparer.Ordinal),
    ];

    private static string Text(Microsoft.AspNetCore.Routing.Patterns.RoutePatternPart part) => part switch
    {
        Microsoft.AspNetCore.Routing.Patterns.RoutePatternLiteralPart literal => literal.Content,
        Microsoft.AspNetCore.Routing.Patterns.RoutePatternParameterPart parameter => $"{{{parameter.Name}}}",
        Microsoft.AspNetCore.Routing.Patterns.RoutePatternSeparatorPart separator => separator.Content,
        _ => throw new InvalidOperationException("A route has a part of an unknown kind."),
    };
}
