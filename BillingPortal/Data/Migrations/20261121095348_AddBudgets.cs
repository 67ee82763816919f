using System;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace BillingPortal.Data.Migrations
{
    /// <inheritdoc />
    [DbContext(typeof(BillingDbContext))]
    [Migration("20261121095348_AddBudgets")]
    public partial class AddBudgets : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<bool>(
                name: "has_budgets",
                table: "ledger_heads",
                type: "boolean",
                nullable: false,
                defaultValue: false);

            migrationBuilder.CreateTable(
                name: "budget_uses",
                columns: table => new
                {
                    account_id = table.Column<Guid>(type: "uuid", nullable: false),
                    budget_id = table.Column<string>(type: "text", nullable: false),
                    subject = table.Column<string>(type: "character varying(208)", maxLength: 208, nullable: false),
                    run = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: false),
                    window_start = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    used = table.Column<decimal>(type: "numeric(20,6)", precision: 20, scale: 6, nullable: false),
                    touched_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_budget_uses", x => new { x.account_id, x.budget_id, x.subject, x.run });
                });

            migrationBuilder.CreateTable(
                name: "budgets",
                columns: table => new
                {
                    account_id = table.Column<Guid>(type: "uuid", nullable: false),
                    id = table.Column<string>(type: "character varying(60)", maxLength: 60, nullable: false),
                    scope = table.Column<string>(type: "character varying(208)", maxLength: 208, nullable: false),
                    unit = table.Column<string>(type: "character varying(40)", maxLength: 40, nullable: false),
                    amount = table.Column<decimal>(type: "numeric(20,6)", precision: 20, scale: 6, nullable: false),
                    time_window = table.Column<string>(type: "character varying(10)", maxLength: 10, nullable: false),
                    counts_from = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_budgets", x => new { x.account_id, x.id });
                    table.CheckConstraint("ck_budgets_amount", "amount > 0");
                });

            migrationBuilder.CreateIndex(
                name: "ix_budget_uses_touched_at",
                table: "budget_uses",
                column: "touched_at");

            migrationBuilder.CreateIndex(
                name: "ix_budgets_account_id_scope_unit_time_window",
                table: "budgets",
                columns: new[] { "account_id", "scope", "unit", "time_window" },
                unique: true);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "budget_uses");

            migrationBuilder.DropTable(
                name: "budgets");

            migrationBuilder.DropColumn(
                name: "has_budgets",
                table: "ledger_heads");
        }
    }
}
