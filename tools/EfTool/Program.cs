using BillingPortal.Data;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;
using Microsoft.Extensions.DependencyInjection;

Console.WriteLine("Start-up project for `dotnet ef` only.");

internal sealed class Factory : IDesignTimeDbContextFactory<BillingDbContext>
{
    // Identity's passkey table is part of its third schema version, which it asks the application's services for.
    public BillingDbContext CreateDbContext(string[] args) => new(new DbContextOptionsBuilder<BillingDbContext>()
        .UseNpgsql("Host=localhost;Database=design", b => b.MigrationsHistoryTable("schema_migrations"))
        .UseApplicationServiceProvider(new ServiceCollection().Configure<IdentityOptions>(o => o.Stores.SchemaVersion = IdentitySchemaVersions.Version3).BuildServiceProvider())
        .Options);
}
