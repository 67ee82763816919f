using System;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace BillingPortal.Data.Migrations
{
    /// <inheritdoc />
    [DbContext(typeof(BillingDbContext))]
    [Migration("20261121102613_AddUsage")]
    public partial class AddUsage : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "uncharged_usage",
                columns: table => new
                {
                    account_id = table.Column<Guid>(type: "uuid", nullable: false),
                    id = table.Column<Guid>(type: "uuid", nullable: false),
                    time = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    events = table.Column<int>(type: "integer", nullable: false),
                    meter = table.Column<string>(type: "text", nullable: true),
                    quantity = table.Column<decimal>(type: "numeric(20,6)", precision: 20, scale: 6, nullable: true),
                    value = table.Column<decimal>(type: "numeric(20,6)", precision: 20, scale: 6, nullable: true),
                    provider = table.Column<string>(type: "text", nullable: true),
                    model = table.Column<string>(type: "text", nullable: true),
                    tool = table.Column<string>(type: "text", nullable: true),
                    member = table.Column<string>(type: "text", nullable: true),
                    agent = table.Column<string>(type: "text", nullable: true),
                    run = table.Column<string>(type: "text", nullable: true),
                    byok = table.Column<bool>(type: "boolean", nullable: false),
                    input_tokens = table.Column<long>(type: "bigint", nullable: true),
                    output_tokens = table.Column<long>(type: "bigint", nullable: true),
                    cached_input_tokens = table.Column<long>(type: "bigint", nullable: true),
                    cache_write_tokens = table.Column<long>(type: "bigint", nullable: true),
                    reasoning_tokens = table.Column<long>(type: "bigint", nullable: true),
                    refusal = table.Column<string>(type: "character varying(500)", maxLength: 500, nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_uncharged_usage", x => new { x.account_id, x.id });
                });

            migrationBuilder.CreateTable(
                name: "uncounted_charges",
                columns: table => new
                {
                    account_id = table.Column<Guid>(type: "uuid", nullable: false),
                    charge_id = table.Column<Guid>(type: "uuid", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_uncounted_charges", x => new { x.account_id, x.charge_id });
                });

            migrationBuilder.CreateTable(
                name: "usage_rollups",
                columns: table => new
                {
                    account_id = table.Column<Guid>(type: "uuid", nullable: false),
                    hour = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    key = table.Column<byte[]>(type: "bytea", nullable: false),
                    action = table.Column<string>(type: "text", nullable: false),
                    meter = table.Column<string>(type: "text", nullable: false),
                    provider = table.Column<string>(type: "text", nullable: false),
                    model = table.Column<string>(type: "text", nullable: false),
                    agent = table.Column<string>(type: "text", nullable: false),
                    member = table.Column<string>(type: "text", nullable: false),
                    unit = table.Column<string>(type: "text", nullable: false),
                    price_unit = table.Column<string>(type: "text", nullable: false),
                    quantity = table.Column<decimal>(type: "numeric(26,6)", precision: 26, scale: 6, nullable: false),
                    input_tokens = table.Column<decimal>(type: "numeric(26,6)", precision: 26, scale: 6, nullable: false),
                    output_tokens = table.Column<decimal>(type: "numeric(26,6)", precision: 26, scale: 6, nullable: false),
                    cached_input_tokens = table.Column<decimal>(type: "numeric(26,6)", precision: 26, scale: 6, nullable: false),
                    cache_write_tokens = table.Column<decimal>(type: "numeric(26,6)", precision: 26, scale: 6, nullable: false),
                    reasoning_tokens = table.Column<decimal>(type: "numeric(26,6)", precision: 26, scale: 6, nullable: false),
                    price = table.Column<decimal>(type: "numeric(26,6)", precision: 26, scale: 6, nullable: false),
                    cost = table.Column<decimal>(type: "numeric(26,6)", precision: 26, scale: 6, nullable: false),
                    charges = table.Column<long>(type: "bigint", nullable: false),
                    events = table.Column<long>(type: "bigint", nullable: false),
                    paid = table.Column<decimal>(type: "numeric(26,6)", precision: 26, scale: 6, nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_usage_rollups", x => new { x.account_id, x.hour, x.key });
                });

            migrationBuilder.Sql(UsageTables.Sql);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.Sql(UsageTables.DropSql);

            migrationBuilder.DropTable(
                name: "uncharged_usage");

            migrationBuilder.DropTable(
                name: "uncounted_charges");

            migrationBuilder.DropTable(
                name: "usage_rollups");
        }
    }
}
