using System;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace BillingPortal.Data.Migrations
{
    /// <inheritdoc />
    [DbContext(typeof(BillingDbContext))]
    [Migration("20261121131514_AddOverageReports")]
    public partial class AddOverageReports : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<string[]>(
                name: "metered",
                table: "subscriptions",
                type: "text[]",
                nullable: false,
                defaultValueSql: "'{}'");

            migrationBuilder.CreateTable(
                name: "meter_reports",
                columns: table => new
                {
                    account_id = table.Column<Guid>(type: "uuid", nullable: false),
                    meter = table.Column<string>(type: "character varying(40)", maxLength: 40, nullable: false),
                    number = table.Column<int>(type: "integer", nullable: false),
                    id = table.Column<Guid>(type: "uuid", nullable: false),
                    value = table.Column<long>(type: "bigint", nullable: false),
                    at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    end = table.Column<string>(type: "character varying(20)", maxLength: 20, nullable: false),
                    plan = table.Column<string>(type: "character varying(60)", maxLength: 60, nullable: false),
                    price = table.Column<decimal>(type: "numeric(20,6)", precision: 20, scale: 6, nullable: false),
                    per = table.Column<int>(type: "integer", nullable: false),
                    currency = table.Column<string>(type: "character varying(40)", maxLength: 40, nullable: false),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    identifier = table.Column<string>(type: "character varying(100)", maxLength: 100, nullable: false),
                    generation = table.Column<int>(type: "integer", nullable: false),
                    status = table.Column<string>(type: "character varying(10)", maxLength: 10, nullable: false),
                    way = table.Column<string>(type: "character varying(20)", maxLength: 20, nullable: true),
                    customer = table.Column<string>(type: "character varying(255)", maxLength: 255, nullable: true),
                    subscription = table.Column<string>(type: "character varying(255)", maxLength: 255, nullable: true),
                    attempts = table.Column<int>(type: "integer", nullable: false),
                    first_sent_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    next_attempt_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    sent_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    parked_as = table.Column<string>(type: "character varying(20)", maxLength: 20, nullable: true),
                    reason = table.Column<string>(type: "character varying(500)", maxLength: 500, nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_meter_reports", x => new { x.account_id, x.meter, x.number });
                    table.CheckConstraint("ck_meter_reports_value", "value <> 0");
                });

            migrationBuilder.CreateTable(
                name: "meter_standings",
                columns: table => new
                {
                    account_id = table.Column<Guid>(type: "uuid", nullable: false),
                    meter = table.Column<string>(type: "character varying(40)", maxLength: 40, nullable: false),
                    settled_seq = table.Column<long>(type: "bigint", nullable: false),
                    settled = table.Column<decimal>(type: "numeric(26,6)", precision: 26, scale: 6, nullable: false),
                    reported = table.Column<long>(type: "bigint", nullable: false),
                    number = table.Column<int>(type: "integer", nullable: false),
                    open_until = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_meter_standings", x => new { x.account_id, x.meter });
                });

            migrationBuilder.CreateTable(
                name: "overage_marks",
                columns: table => new
                {
                    account_id = table.Column<Guid>(type: "uuid", nullable: false),
                    id = table.Column<Guid>(type: "uuid", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_overage_marks", x => new { x.account_id, x.id });
                });

            migrationBuilder.CreateTable(
                name: "overages",
                columns: table => new
                {
                    account_id = table.Column<Guid>(type: "uuid", nullable: false),
                    meter = table.Column<string>(type: "character varying(40)", maxLength: 40, nullable: false),
                    seq = table.Column<long>(type: "bigint", nullable: false),
                    amount = table.Column<decimal>(type: "numeric(20,6)", precision: 20, scale: 6, nullable: false),
                    plan = table.Column<string>(type: "character varying(60)", maxLength: 60, nullable: false),
                    price = table.Column<decimal>(type: "numeric(20,6)", precision: 20, scale: 6, nullable: false),
                    per = table.Column<int>(type: "integer", nullable: false),
                    currency = table.Column<string>(type: "character varying(40)", maxLength: 40, nullable: false),
                    closed_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    end = table.Column<string>(type: "character varying(20)", maxLength: 20, nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_overages", x => new { x.account_id, x.meter, x.seq });
                    table.CheckConstraint("ck_overages_amount", "amount > 0");
                });

            migrationBuilder.CreateIndex(
                name: "ix_meter_reports_due",
                table: "meter_reports",
                column: "next_attempt_at",
                filter: "next_attempt_at is not null");

            migrationBuilder.CreateIndex(
                name: "ix_meter_reports_id",
                table: "meter_reports",
                column: "id");

            migrationBuilder.CreateIndex(
                name: "ix_meter_reports_identifier",
                table: "meter_reports",
                column: "identifier");

            migrationBuilder.CreateIndex(
                name: "ix_meter_reports_status_id",
                table: "meter_reports",
                columns: new[] { "status", "id" });

            migrationBuilder.CreateIndex(
                name: "ix_meter_standings_open",
                table: "meter_standings",
                column: "open_until",
                filter: "open_until is not null");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "meter_reports");

            migrationBuilder.DropTable(
                name: "meter_standings");

            migrationBuilder.DropTable(
                name: "overage_marks");

            migrationBuilder.DropTable(
                name: "overages");

            migrationBuilder.DropColumn(
                name: "metered",
                table: "subscriptions");
        }
    }
}
