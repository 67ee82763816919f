using BillingPortal.Data;
using Npgsql;

namespace BillingPortal.Tests.Data;

public class ConnectionTextTests
{
    [Fact]
    public void A_url_with_an_encoded_password_is_accepted()
    {
        var text = new NpgsqlConnectionStringBuilder(ConnectionText.Normalize("postgres://app:p%40ss%2Fw%3Ard@db.example:6543/billing?sslmode=require&application_name=x", "setting"));
        Assert.Equal(("db.example", 6543, "app", "p@ss/w:rd", "billing", SslMode.Require, "x"),
            (text.Host, text.Port, text.Username, text.Password, text.Database, text.SslMode, text.ApplicationName));
    }

    [Fact]
    public void A_net_connection_string_stays_what_it_is() =>
        Assert.Equal("db", new NpgsqlConnectionStringBuilder(ConnectionText.Normalize(" Host=db;Username=app ", "setting")).Host);

    [Theory]
    [InlineData("postgres://app@host:port/billing")]
    [InlineData("postgres://app@host/billing?sslmode=perhaps")]
    [InlineData("postgres://app@host/billing?no_such_option=1")]
    [InlineData("Nonsense")]
    [InlineData("Host=db;NoSuchKey=secret")]
    public void Nonsense_is_refused_without_repeating_it(string text)
    {
        var refused = Assert.Throws<ConfigurationException>(() => ConnectionText.Normalize(text, "ConnectionStrings__Billing"));
        Assert.Contains("ConnectionStrings__Billing", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(text, refused.Message, StringComparison.Ordinal);
    }
}
