using System.Net;
using System.Text.Json;
using BillingPortal.Tests.Testing;

namespace BillingPortal.Tests.Api;

[Collection(nameof(SharedPortal))]
public class HealthTests(PortalFixture portal)
{
    [Fact]
    public async Task The_portal_says_how_it_is()
    {
        var client = portal.Client();
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/health/live")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/health/ready")).StatusCode);
        var report = JsonDocument.Parse(await client.GetStringAsync("/health")).RootElement;
        Assert.Equal("healthy", report.GetProperty("status").GetString());
        Assert.Equal("applied", report.GetProperty("migrations").GetString());
        Assert.Equal("enforce", report.GetProperty("enforcement").GetString());
        Assert.Equal("simulator", report.GetProperty("payments").GetString());
    }

    [Fact]
    public async Task It_describes_itself_in_openapi_with_the_scope_of_every_operation()
    {
        var document = JsonDocument.Parse(await portal.Client().GetStringAsync("/openapi/v1.json")).RootElement;
        Assert.StartsWith("3.1", document.GetProperty("openapi").GetString(), StringComparison.Ordinal);
        var audit = document.GetProperty("paths").GetProperty("/api/v1/admin/audit").GetProperty("get");
        Assert.Equal("ListAudit", audit.GetProperty("operationId").GetString());
        Assert.Contains("Scope `admin`", audit.GetProperty("description").GetString(), StringComparison.Ordinal);
        Assert.Equal("bearer", document.GetProperty("components").GetProperty("securitySchemes").GetProperty("bearer").GetProperty("scheme").GetString());
        Assert.All(document.GetProperty("paths").EnumerateObject(), path => Assert.StartsWith("/api/v1/", path.Name, StringComparison.Ordinal));
    }
}

public class DocsTests(BrowserFixture portal) : IClassFixture<BrowserFixture>
{
    [Fact]
    public async Task The_description_can_be_read_and_searched()
    {
        var page = await portal.PageAsync("/docs");
        await page.GetByText("What staff and keys did, newest first").WaitForAsync();
        await page.GetByLabel("Find").FillAsync("no such operation");
        Assert.Equal(0, await page.Locator("details:visible").CountAsync());
        await page.GetByLabel("Find").FillAsync("admin/audit");
        Assert.Equal(1, await page.Locator("details:visible").CountAsync());
        await page.Context.CloseAsync();
    }
}
