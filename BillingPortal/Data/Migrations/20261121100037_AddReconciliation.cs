using System;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace BillingPortal.Data.Migrations
{
    /// <inheritdoc />
    [DbContext(typeof(BillingDbContext))]
    [Migration("20261121100037_AddReconciliation")]
    public partial class AddReconciliation : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<bool>(
                name: "fetched",
                table: "webhook_events",
                type: "boolean",
                nullable: false,
                defaultValue: false);

            migrationBuilder.CreateTable(
                name: "reconciliation_differences",
                columns: table => new
                {
                    id = table.Column<Guid>(type: "uuid", nullable: false),
                    account_id = table.Column<Guid>(type: "uuid", nullable: true),
                    kind = table.Column<string>(type: "character varying(30)", maxLength: 30, nullable: false),
                    object_id = table.Column<string>(type: "character varying(255)", maxLength: 255, nullable: false),
                    at_stripe = table.Column<string>(type: "character varying(500)", maxLength: 500, nullable: false),
                    here = table.Column<string>(type: "character varying(500)", maxLength: 500, nullable: false),
                    explanation = table.Column<string>(type: "character varying(1500)", maxLength: 1500, nullable: false),
                    mend = table.Column<string>(type: "character varying(20)", maxLength: 20, nullable: false),
                    event_type = table.Column<string>(type: "character varying(100)", maxLength: 100, nullable: true),
                    customer = table.Column<string>(type: "character varying(255)", maxLength: 255, nullable: true),
                    status = table.Column<string>(type: "character varying(10)", maxLength: 10, nullable: false),
                    found_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    seen_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    mended_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    mended_by = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: true),
                    outcome = table.Column<string>(type: "character varying(1000)", maxLength: 1000, nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_reconciliation_differences", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "reconciliation_state",
                columns: table => new
                {
                    id = table.Column<int>(type: "integer", nullable: false),
                    started_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    finished_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    error = table.Column<string>(type: "character varying(1000)", maxLength: 1000, nullable: true),
                    compared = table.Column<int>(type: "integer", nullable: false),
                    events_until = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    events_read_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_reconciliation_state", x => x.id);
                    table.CheckConstraint("ck_reconciliation_state_one_row", "id = 1");
                });

            migrationBuilder.CreateIndex(
                name: "ix_webhook_events_fetched",
                table: "webhook_events",
                column: "received_at",
                filter: "fetched");

            migrationBuilder.CreateIndex(
                name: "ix_webhook_events_object_id",
                table: "webhook_events",
                column: "object_id",
                filter: "object_id is not null");

            migrationBuilder.CreateIndex(
                name: "ix_reconciliation_differences_kind_object_id",
                table: "reconciliation_differences",
                columns: new[] { "kind", "object_id" },
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_reconciliation_differences_status_seen_at",
                table: "reconciliation_differences",
                columns: new[] { "status", "seen_at" });
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "reconciliation_differences");

            migrationBuilder.DropTable(
                name: "reconciliation_state");

            migrationBuilder.DropIndex(
                name: "ix_webhook_events_fetched",
                table: "webhook_events");

            migrationBuilder.DropIndex(
                name: "ix_webhook_events_object_id",
                table: "webhook_events");

            migrationBuilder.DropColumn(
                name: "fetched",
                table: "webhook_events");
        }
    }
}
