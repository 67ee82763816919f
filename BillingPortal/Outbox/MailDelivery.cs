using System.Net;
using System.Net.Mail;
using BillingPortal.Data;

namespace BillingPortal.Outbox;

/// <summary>Mail over SMTP (<c>Smtp:Host</c>, <c>Port</c>, <c>Username</c>, <c>Password</c>, <c>From</c>, <c>Tls</c>). In Development without a host nothing leaves: mails are kept and shown at <c>/dev/mail</c>.</summary>
internal sealed class MailDelivery(IConfiguration configuration, IHostEnvironment environment) : IDelivery
{
    public const string MailKind = "mail";

    public string Kind => MailKind;

    public bool IsKept => string.IsNullOrWhiteSpace(configuration["Smtp:Host"]) && environment.IsDevelopment();

    public async Task DeliverAsync(OutboxMessage message, CancellationToken ct)
    {
        if (IsKept)
        {
            return;
        }

        var host = configuration["Smtp:Host"] is { Length: > 0 } set ? set : throw new ConfigurationException("Smtp__Host is not set: mails cannot be sent.");
        var from = configuration["Smtp:From"] is { Length: > 0 } sender ? sender : throw new ConfigurationException("Smtp__From is not set: mails need a sender.");
        using var client = new SmtpClient(host, configuration.GetValue("Smtp:Port", 587)) { EnableSsl = configuration.GetValue("Smtp:Tls", defaultValue: true), Timeout = 20_000 };
        if (configuration["Smtp:Username"] is { Length: > 0 } user)
        {
            client.Credentials = new NetworkCredential(user, configuration["Smtp:Password"]);
        }

        using var mail = new MailMessage(from, message.Recipient, message.Subject.ReplaceLineEndings(" "), message.Body);
        // A relay that sees the same id twice can drop the repeat: delivery is at least once.
        mail.Headers.Add("Message-ID", $"<{message.Id:N}@{new MailAddress(from).Host}>");
        await client.SendMailAsync(mail, ct);
    }
}
