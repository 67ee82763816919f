using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace BillingPortal.Data.Migrations
{
    /// <inheritdoc />
    [DbContext(typeof(BillingDbContext))]
    [Migration("20261121093518_ChargeCosts")]
    public partial class ChargeCosts : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<long>(
                name: "cache_write_tokens",
                table: "charges",
                type: "bigint",
                nullable: true);

            migrationBuilder.AddColumn<decimal>(
                name: "cost",
                table: "charges",
                type: "numeric(20,6)",
                precision: 20,
                scale: 6,
                nullable: true);

            migrationBuilder.AddColumn<long>(
                name: "reasoning_tokens",
                table: "charges",
                type: "bigint",
                nullable: true);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(
                name: "cache_write_tokens",
                table: "charges");

            migrationBuilder.DropColumn(
                name: "cost",
                table: "charges");

            migrationBuilder.DropColumn(
                name: "reasoning_tokens",
                table: "charges");
        }
    }
}
