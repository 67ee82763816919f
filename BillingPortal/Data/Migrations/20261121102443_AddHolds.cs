using System;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace BillingPortal.Data.Migrations
{
    /// <inheritdoc />
    [DbContext(typeof(BillingDbContext))]
    [Migration("20261121102443_AddHolds")]
    public partial class AddHolds : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "hold_changes",
                columns: table => new
                {
                    account_id = table.Column<Guid>(type: "uuid", nullable: false),
                    hold_id = table.Column<Guid>(type: "uuid", nullable: false),
                    operation_id = table.Column<Guid>(type: "uuid", nullable: false),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    status = table.Column<string>(type: "character varying(10)", maxLength: 10, nullable: false),
                    expires_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    state = table.Column<string>(type: "jsonb", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_hold_changes", x => new { x.account_id, x.hold_id, x.operation_id });
                });

            migrationBuilder.CreateTable(
                name: "holds",
                columns: table => new
                {
                    account_id = table.Column<Guid>(type: "uuid", nullable: false),
                    id = table.Column<Guid>(type: "uuid", nullable: false),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    on_expiry = table.Column<string>(type: "character varying(10)", maxLength: 10, nullable: false),
                    enforcement = table.Column<string>(type: "character varying(10)", maxLength: 10, nullable: false),
                    would_refuse = table.Column<string>(type: "text", nullable: true),
                    member = table.Column<string>(type: "text", nullable: true),
                    agent = table.Column<string>(type: "text", nullable: true),
                    run = table.Column<string>(type: "text", nullable: true),
                    status = table.Column<string>(type: "character varying(10)", maxLength: 10, nullable: false),
                    expires_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    asked = table.Column<string>(type: "jsonb", nullable: false),
                    state = table.Column<string>(type: "jsonb", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_holds", x => new { x.account_id, x.id });
                    table.CheckConstraint("ck_holds_closed", "status = 'Open' or state -> 'parts' = '[]'");
                });

            migrationBuilder.CreateIndex(
                name: "ix_holds_expiring",
                table: "holds",
                column: "expires_at",
                filter: "status = 'Open'");

            migrationBuilder.CreateIndex(
                name: "ix_holds_open",
                table: "holds",
                column: "account_id",
                filter: "status = 'Open'");

            migrationBuilder.CreateIndex(
                name: "ix_holds_run",
                table: "holds",
                columns: new[] { "account_id", "run", "id" },
                filter: "run is not null");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "hold_changes");

            migrationBuilder.DropTable(
                name: "holds");
        }
    }
}
