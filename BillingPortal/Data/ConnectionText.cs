using Npgsql;

namespace BillingPortal.Data;

/// <summary>Accepts <c>postgres://user:password@host:port/database?sslmode=require</c>, percent-encoded, beside .NET connection strings.</summary>
public static class ConnectionText
{
    /// <exception cref="ConfigurationException">The text is neither; its content is not repeated, it may hold a password.</exception>
    public static string Normalize(string text, string setting)
    {
        text = text.Trim();
        try
        {
            return text.StartsWith("postgres://", StringComparison.OrdinalIgnoreCase) || text.StartsWith("postgresql://", StringComparison.OrdinalIgnoreCase)
                ? FromUrl(text)
                : new NpgsqlConnectionStringBuilder(text).ConnectionString;
        }
        catch (Exception e) when (e is ArgumentException or FormatException or InvalidCastException or KeyNotFoundException)
        {
            throw new ConfigurationException($"{setting} is no PostgreSQL connection string and no postgres:// URL.");
        }
    }

    private static string FromUrl(string text)
    {
        var uri = new Uri(text);
        var credentials = uri.UserInfo.Split(':', 2);
        var builder = new NpgsqlConnectionStringBuilder { Host = Uri.UnescapeDataString(uri.Host.Trim('[', ']')), Port = uri.Port > 0 ? uri.Port : 5432 };
        if (credentials[0].Length > 0)
        {
            builder.Username = Uri.UnescapeDataString(credentials[0]);
        }

        if (credentials.Length > 1)
        {
            builder.Password = Uri.UnescapeDataString(credentials[1]);
        }

        if (uri.AbsolutePath.Length > 1)
        {
            builder.Database = Uri.UnescapeDataString(uri.AbsolutePath[1..]);
        }

        foreach (var pair in uri.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var parts = pair.Split('=', 2);
            var value = Uri.UnescapeDataString(parts.Length > 1 ? parts[1] : "");
            // libpq's spellings of what .NET writes otherwise
            switch (parts[0])
            {
                case "sslmode": builder.SslMode = Enum.Parse<SslMode>(value.Replace("-", "", StringComparison.Ordinal), ignoreCase: true); break;
                case "sslrootcert": builder.RootCertificate = value; break;
                case "connect_timeout": builder.Timeout = int.Parse(value, System.Globalization.CultureInfo.InvariantCulture); break;
                case "application_name": builder.ApplicationName = value; break;
                case "host": builder.Host = value; break;
                default: builder[Uri.UnescapeDataString(parts[0])] = value; break;
            }
        }

        return builder.ConnectionString;
    }
}
