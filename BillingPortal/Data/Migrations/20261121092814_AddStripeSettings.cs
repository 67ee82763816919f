using System;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace BillingPortal.Data.Migrations
{
    /// <inheritdoc />
    [DbContext(typeof(BillingDbContext))]
    [Migration("20261121092814_AddStripeSettings")]
    public partial class AddStripeSettings : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "stripe_settings",
                columns: table => new
                {
                    id = table.Column<int>(type: "integer", nullable: false),
                    secret_key = table.Column<byte[]>(type: "bytea", nullable: true),
                    webhook_secrets = table.Column<byte[]>(type: "bytea", nullable: true),
                    publishable_key = table.Column<string>(type: "character varying(255)", maxLength: 255, nullable: true),
                    checkouts_paused = table.Column<bool>(type: "boolean", nullable: false),
                    portal_configuration = table.Column<string>(type: "character varying(255)", maxLength: 255, nullable: true),
                    bound_prices = table.Column<string>(type: "jsonb", nullable: true),
                    changed_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_stripe_settings", x => x.id);
                    table.CheckConstraint("ck_stripe_settings_one_row", "id = 1");
                });
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "stripe_settings");
        }
    }
}
