namespace BillingPortal.Access;

/// <summary>Where callers may send people to: this portal, and the origins of <c>Portal:ReturnOrigins</c> (comma-separated or a list). Nothing else, ever.</summary>
public sealed class ReturnUrls(IConfiguration configuration)
{
    private const int LongestUrl = 2000;

    /// <summary>The portal's own address without a slash at its end: <c>Portal:PublicUrl</c>, else what the request came to.</summary>
    public string Own(HttpRequest request) =>
        configuration["Portal:PublicUrl"]?.Trim().TrimEnd('/') is { Length: > 0 } url ? url : $"{request.Scheme}://{request.Host}{request.PathBase}";

    /// <param name="url">An absolute http(s) URL.</param>
    public bool MayGoTo(string? url, HttpRequest request)
    {
        if (url is not { Length: > 0 and <= LongestUrl } || url.Any(c => c is <= ' ' or > '~' or '\\')
            || !Uri.TryCreate(url, UriKind.Absolute, out var target) || target.UserInfo.Length > 0
            || (target.Scheme != Uri.UriSchemeHttps && target.Scheme != Uri.UriSchemeHttp))
        {
            return false;
        }

        var origin = target.GetLeftPart(UriPartial.Authority);
        return AllowedOrigins(request).Any(allowed => string.Equals(allowed, origin, StringComparison.OrdinalIgnoreCase));
    }

    private IEnumerable<string> AllowedOrigins(HttpRequest request)
    {
        if (Uri.TryCreate(Own(request), UriKind.Absolute, out var own))
        {
            yield return own.GetLeftPart(UriPartial.Authority);
        }

        var listed = configuration.GetSection("Portal:ReturnOrigins").GetChildren().Select(c => c.Value ?? "");
        foreach (var text in listed.Concat((configuration["Portal:ReturnOrigins"] ?? "").Split(',')))
        {
            if (Uri.TryCreate(text.Trim(), UriKind.Absolute, out var uri))
            {
                yield return uri.GetLeftPart(UriPartial.Authority);
            }
        }
    }
}
