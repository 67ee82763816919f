namespace BillingPortal.SignIn;

/// <summary>Where to go after signing in: a path of this portal, never an address elsewhere.</summary>
internal static class LocalPath
{
    /// <returns>The path without the slash before it, so that it is taken relative to the base; <paramref name="otherwise"/> when it leads anywhere else.</returns>
    public static string Of(string? path, string pathBase, string otherwise)
    {
        if (path is not ['/', ..] || path is ['/', '/' or '\\', ..] || path.Length > 2000 || path.Any(c => c is < ' ' or '\\' or (>= '\x7f' and <= '\x9f')))
        {
            return otherwise;
        }

        // The cookie's challenge names the whole path, pages name it below the base.
        var below = pathBase.Length > 0 && path.StartsWith(pathBase + "/", StringComparison.OrdinalIgnoreCase) ? path[pathBase.Length..] : path;
        return below.TrimStart('/') is { Length: > 0 } rest && !rest.Split('?')[0].Contains(':', StringComparison.Ordinal) ? rest : otherwise;
    }
}
