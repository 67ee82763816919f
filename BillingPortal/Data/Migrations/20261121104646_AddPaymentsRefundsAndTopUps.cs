using System;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace BillingPortal.Data.Migrations
{
    /// <inheritdoc />
    [DbContext(typeof(BillingDbContext))]
    [Migration("20261121104646_AddPaymentsRefundsAndTopUps")]
    public partial class AddPaymentsRefundsAndTopUps : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "balance_watches",
                columns: table => new
                {
                    account_id = table.Column<Guid>(type: "uuid", nullable: false),
                    unit = table.Column<string>(type: "character varying(40)", maxLength: 40, nullable: false),
                    notify_below = table.Column<decimal>(type: "numeric(20,6)", precision: 20, scale: 6, nullable: true),
                    notified_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    tops_up = table.Column<bool>(type: "boolean", nullable: false),
                    threshold = table.Column<decimal>(type: "numeric(20,6)", precision: 20, scale: 6, nullable: false),
                    pack = table.Column<string>(type: "character varying(60)", maxLength: 60, nullable: true),
                    top_up_amount = table.Column<decimal>(type: "numeric(20,6)", precision: 20, scale: 6, nullable: true),
                    monthly_limit = table.Column<decimal>(type: "numeric(20,6)", precision: 20, scale: 6, nullable: true),
                    dips = table.Column<int>(type: "integer", nullable: false),
                    stopped_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    stop_reason = table.Column<string>(type: "character varying(500)", maxLength: 500, nullable: true),
                    updated_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_balance_watches", x => x.account_id);
                    table.CheckConstraint("ck_balance_watches_top_up", "not tops_up or (pack is null) <> (top_up_amount is null)");
                });

            migrationBuilder.CreateTable(
                name: "charge_cases",
                columns: table => new
                {
                    account_id = table.Column<Guid>(type: "uuid", nullable: false),
                    id = table.Column<Guid>(type: "uuid", nullable: false),
                    charge = table.Column<Guid>(type: "uuid", nullable: false),
                    status = table.Column<string>(type: "character varying(20)", maxLength: 20, nullable: false),
                    reason = table.Column<string>(type: "character varying(1000)", maxLength: 1000, nullable: false),
                    opened_by = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: false),
                    opened_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    answer = table.Column<string>(type: "character varying(1000)", maxLength: 1000, nullable: true),
                    decided_by = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: true),
                    decided_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_charge_cases", x => new { x.account_id, x.id });
                });

            migrationBuilder.CreateTable(
                name: "disputes",
                columns: table => new
                {
                    account_id = table.Column<Guid>(type: "uuid", nullable: false),
                    id = table.Column<string>(type: "character varying(255)", maxLength: 255, nullable: false),
                    payment_id = table.Column<string>(type: "character varying(255)", maxLength: 255, nullable: false),
                    amount = table.Column<decimal>(type: "numeric(20,6)", precision: 20, scale: 6, nullable: false),
                    currency = table.Column<string>(type: "character varying(40)", maxLength: 40, nullable: false),
                    reason = table.Column<string>(type: "character varying(60)", maxLength: 60, nullable: false),
                    status = table.Column<string>(type: "character varying(40)", maxLength: 40, nullable: false),
                    evidence_due_by = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    opened_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    closed_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    owed = table.Column<decimal>(type: "numeric(20,6)", precision: 20, scale: 6, nullable: false),
                    bonus_owed = table.Column<decimal>(type: "numeric(20,6)", precision: 20, scale: 6, nullable: false),
                    drawn_back = table.Column<decimal>(type: "numeric(20,6)", precision: 20, scale: 6, nullable: false),
                    bonus_drawn_back = table.Column<decimal>(type: "numeric(20,6)", precision: 20, scale: 6, nullable: false),
                    has_suspended = table.Column<bool>(type: "boolean", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_disputes", x => new { x.account_id, x.id });
                });

            migrationBuilder.CreateTable(
                name: "payments",
                columns: table => new
                {
                    account_id = table.Column<Guid>(type: "uuid", nullable: false),
                    id = table.Column<string>(type: "character varying(255)", maxLength: 255, nullable: false),
                    paid_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    bought = table.Column<string>(type: "character varying(60)", maxLength: 60, nullable: false),
                    is_automatic = table.Column<bool>(type: "boolean", nullable: false),
                    reference = table.Column<string>(type: "character varying(255)", maxLength: 255, nullable: false),
                    paid = table.Column<decimal>(type: "numeric(20,6)", precision: 20, scale: 6, nullable: false),
                    currency = table.Column<string>(type: "character varying(40)", maxLength: 40, nullable: false),
                    unit = table.Column<string>(type: "character varying(40)", maxLength: 40, nullable: false),
                    granted = table.Column<decimal>(type: "numeric(20,6)", precision: 20, scale: 6, nullable: false),
                    bonus = table.Column<decimal>(type: "numeric(20,6)", precision: 20, scale: 6, nullable: false),
                    refunded = table.Column<decimal>(type: "numeric(20,6)", precision: 20, scale: 6, nullable: false),
                    drawn_back = table.Column<decimal>(type: "numeric(20,6)", precision: 20, scale: 6, nullable: false),
                    bonus_drawn_back = table.Column<decimal>(type: "numeric(20,6)", precision: 20, scale: 6, nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_payments", x => new { x.account_id, x.id });
                    table.CheckConstraint("ck_payments_drawn_back", "paid > 0 and drawn_back between 0 and granted and bonus_drawn_back between 0 and bonus and refunded between 0 and paid");
                });

            migrationBuilder.CreateTable(
                name: "refunds",
                columns: table => new
                {
                    account_id = table.Column<Guid>(type: "uuid", nullable: false),
                    id = table.Column<Guid>(type: "uuid", nullable: false),
                    payment_id = table.Column<string>(type: "character varying(255)", maxLength: 255, nullable: false),
                    stripe_id = table.Column<string>(type: "character varying(255)", maxLength: 255, nullable: true),
                    status = table.Column<string>(type: "character varying(20)", maxLength: 20, nullable: false),
                    amount = table.Column<decimal>(type: "numeric(20,6)", precision: 20, scale: 6, nullable: false),
                    currency = table.Column<string>(type: "character varying(40)", maxLength: 40, nullable: false),
                    drawn_back = table.Column<decimal>(type: "numeric(20,6)", precision: 20, scale: 6, nullable: false),
                    bonus_drawn_back = table.Column<decimal>(type: "numeric(20,6)", precision: 20, scale: 6, nullable: false),
                    actor = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: false),
                    reason = table.Column<string>(type: "character varying(500)", maxLength: 500, nullable: true),
                    client_key = table.Column<string>(type: "character varying(255)", maxLength: 255, nullable: true),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    outcome = table.Column<string>(type: "character varying(1000)", maxLength: 1000, nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_refunds", x => new { x.account_id, x.id });
                    table.CheckConstraint("ck_refunds_amount", "amount > 0");
                });

            migrationBuilder.CreateTable(
                name: "top_ups",
                columns: table => new
                {
                    account_id = table.Column<Guid>(type: "uuid", nullable: false),
                    dip = table.Column<int>(type: "integer", nullable: false),
                    id = table.Column<Guid>(type: "uuid", nullable: false),
                    status = table.Column<string>(type: "character varying(20)", maxLength: 20, nullable: false),
                    price = table.Column<decimal>(type: "numeric(20,6)", precision: 20, scale: 6, nullable: false),
                    currency = table.Column<string>(type: "character varying(40)", maxLength: 40, nullable: false),
                    unit = table.Column<string>(type: "character varying(40)", maxLength: 40, nullable: false),
                    granted = table.Column<decimal>(type: "numeric(20,6)", precision: 20, scale: 6, nullable: false),
                    bonus = table.Column<decimal>(type: "numeric(20,6)", precision: 20, scale: 6, nullable: false),
                    expires_after_days = table.Column<int>(type: "integer", nullable: true),
                    pack = table.Column<string>(type: "character varying(60)", maxLength: 60, nullable: true),
                    customer_id = table.Column<string>(type: "character varying(255)", maxLength: 255, nullable: false),
                    payment_method_id = table.Column<string>(type: "character varying(255)", maxLength: 255, nullable: false),
                    payment_id = table.Column<string>(type: "character varying(255)", maxLength: 255, nullable: true),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    attempts = table.Column<int>(type: "integer", nullable: false),
                    next_try_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    settled_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    outcome = table.Column<string>(type: "character varying(1000)", maxLength: 1000, nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_top_ups", x => new { x.account_id, x.dip });
                    table.CheckConstraint("ck_top_ups_price", "price > 0 and granted > 0 and bonus >= 0");
                });

            migrationBuilder.CreateIndex(
                name: "ix_balance_watches_on",
                table: "balance_watches",
                column: "account_id",
                filter: "notify_below is not null or (tops_up and stopped_at is null)");

            migrationBuilder.CreateIndex(
                name: "ix_charge_cases_account_id_charge",
                table: "charge_cases",
                columns: new[] { "account_id", "charge" },
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_charge_cases_open",
                table: "charge_cases",
                column: "opened_at",
                filter: "status = 'Open'");

            migrationBuilder.CreateIndex(
                name: "ix_disputes_id",
                table: "disputes",
                column: "id",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_disputes_opened_at",
                table: "disputes",
                column: "opened_at");

            migrationBuilder.CreateIndex(
                name: "ix_disputes_payment_id",
                table: "disputes",
                column: "payment_id");

            migrationBuilder.CreateIndex(
                name: "ix_payments_id",
                table: "payments",
                column: "id",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_payments_paid_at_id",
                table: "payments",
                columns: new[] { "paid_at", "id" });

            migrationBuilder.CreateIndex(
                name: "ix_refunds_account_id_client_key",
                table: "refunds",
                columns: new[] { "account_id", "client_key" },
                unique: true,
                filter: "client_key is not null");

            migrationBuilder.CreateIndex(
                name: "ix_refunds_payment_id",
                table: "refunds",
                column: "payment_id");

            migrationBuilder.CreateIndex(
                name: "ix_refunds_requested",
                table: "refunds",
                column: "created_at",
                filter: "status = 'Requested'");

            migrationBuilder.CreateIndex(
                name: "ix_refunds_stripe_id",
                table: "refunds",
                column: "stripe_id",
                unique: true,
                filter: "stripe_id is not null");

            migrationBuilder.CreateIndex(
                name: "ix_top_ups_id",
                table: "top_ups",
                column: "id",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_top_ups_open",
                table: "top_ups",
                column: "next_try_at",
                filter: "status in ('Sent', 'Processing')");

            migrationBuilder.CreateIndex(
                name: "ux_top_ups_open",
                table: "top_ups",
                column: "account_id",
                unique: true,
                filter: "status in ('Sent', 'Processing')");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "balance_watches");

            migrationBuilder.DropTable(
                name: "charge_cases");

            migrationBuilder.DropTable(
                name: "disputes");

            migrationBuilder.DropTable(
                name: "payments");

            migrationBuilder.DropTable(
                name: "refunds");

            migrationBuilder.DropTable(
                name: "top_ups");
        }
    }
}
