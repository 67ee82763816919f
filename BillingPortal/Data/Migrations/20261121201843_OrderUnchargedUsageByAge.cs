using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace BillingPortal.Data.Migrations
{
    /// <inheritdoc />
    [DbContext(typeof(BillingDbContext))]
    [Migration("20261121201843_OrderUnchargedUsageByAge")]
    public partial class OrderUnchargedUsageByAge : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropPrimaryKey(
                name: "pk_uncharged_usage",
                table: "uncharged_usage");

            migrationBuilder.AddPrimaryKey(
                name: "pk_uncharged_usage",
                table: "uncharged_usage",
                columns: new[] { "id", "account_id" });
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropPrimaryKey(
                name: "pk_uncharged_usage",
                table: "uncharged_usage");

            migrationBuilder.AddPrimaryKey(
                name: "pk_uncharged_usage",
                table: "uncharged_usage",
                columns: new[] { "account_id", "id" });
        }
    }
}
