using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using BillingPortal.Data;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Outbox;

/// <summary>Posts a message to an address of the product's, signed as Standard Webhooks has it. Anything but a 2xx is tried again.</summary>
internal sealed class WebhookDelivery : IDelivery, IDisposable
{
    public const string WebhookKind = "webhook";
    public const string SecretPurpose = "webhook_endpoints.secret";
    private const int MostOfAnswer = 200;

    private readonly Tenants tenants;
    private readonly SecretBox box;
    private readonly TimeProvider time;
    private readonly HttpClient client;

    public WebhookDelivery(Tenants tenants, SecretBox box, PublicAddress address, TimeProvider time)
    {
        (this.tenants, this.box, this.time) = (tenants, box, time);
        // Where it goes is checked when the connection is made, so that no answer of a name server and no redirect leads elsewhere.
        client = new(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            ConnectCallback = address.ConnectAsync,
            PooledConnectionLifetime = TimeSpan.FromMinutes(2),
            MaxResponseHeadersLength = 16,
        })
        {
            Timeout = TimeSpan.FromSeconds(10),
            MaxResponseContentBufferSize = 64 * 1024,
        };
    }

    public string Kind => WebhookKind;

    public async Task DeliverAsync(OutboxMessage message, CancellationToken ct)
    {
        if (await FindAsync(message.Recipient, ct) is not { } endpoint)
        {
            return; // taken away meanwhile: nobody waits for it
        }

        var secret = box.Open(endpoint.Secret, SecretPurpose)?.Plain ?? throw new ConfigurationException("No key of Encryption__Keys opens the secret of this endpoint.");
        var (id, at) = ($"msg_{message.Id:N}", time.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture));
        using var request = new HttpRequestMessage(HttpMethod.Post, endpoint.Url) { Content = new StringContent(message.Body, Encoding.UTF8, "application/json") };
        request.Headers.Add("webhook-id", id);
        request.Headers.Add("webhook-timestamp", at);
        request.Headers.Add("webhook-signature", Sign(secret, id, at, message.Body));
        request.Headers.UserAgent.ParseAdd("BillingPortal-Webhooks/1");
        using var answer = await client.SendAsync(request, ct);
        if (answer.StatusCode is < HttpStatusCode.OK or >= HttpStatusCode.MultipleChoices)
        {
            var said = await answer.Content.ReadAsStringAsync(ct);
            throw new HttpRequestException($"{(int)answer.StatusCode}: {new string([.. said.Take(MostOfAnswer).Select(c => char.IsControl(c) ? ' ' : c)])}");
        }
    }

    /// <summary><c>v1,</c> and the base64 of HMAC-SHA256 over id, time and body (standardwebhooks.com).</summary>
    public static string Sign(byte[] secret, string id, string at, string body) => "v1," + Convert.ToBase64String(HMACSHA256.HashData(secret, Encoding.UTF8.GetBytes($"{id}.{at}.{body}")));

    public void Dispose() => client.Dispose();

    private async Task<OutgoingWebhook?> FindAsync(string recipient, CancellationToken ct)
    {
        if (!ShownId.TryParse(OutgoingWebhook.IdPrefix, recipient, out var id))
        {
            return null;
        }

        await using var scope = await tenants.ForStaffAsync(ct);
        return await scope.Db.Set<OutgoingWebhook>().AsNoTracking().FirstOrDefaultAsync(w => w.Id == id, ct);
    }
}
