using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace BillingPortal.Data.Migrations;

/// <summary>Forces row-level security before the first row can be written. Every <c>migrate</c> runs the same SQL again at its end, for tables that came later.</summary>
[DbContext(typeof(BillingDbContext))]
[Migration("20261121000000_RowSecurity")]
internal sealed class RowSecurityMigration : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(RowSecurity.Policies);
}
