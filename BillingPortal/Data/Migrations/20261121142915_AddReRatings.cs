using System;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace BillingPortal.Data.Migrations
{
    /// <inheritdoc />
    [DbContext(typeof(BillingDbContext))]
    [Migration("20261121142915_AddReRatings")]
    public partial class AddReRatings : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<decimal>(
                name: "price",
                table: "charge_refunds",
                type: "numeric(20,6)",
                precision: 20,
                scale: 6,
                nullable: true);

            migrationBuilder.CreateTable(
                name: "provider_bills",
                columns: table => new
                {
                    id = table.Column<Guid>(type: "uuid", nullable: false),
                    name = table.Column<string>(type: "character varying(100)", maxLength: 100, nullable: false),
                    first_day = table.Column<DateOnly>(type: "date", nullable: false),
                    last_day = table.Column<DateOnly>(type: "date", nullable: false),
                    lines = table.Column<int>(type: "integer", nullable: false),
                    cost = table.Column<decimal>(type: "numeric(20,6)", precision: 20, scale: 6, nullable: false),
                    digest = table.Column<byte[]>(type: "bytea", nullable: false),
                    imported_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    imported_by = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_provider_bills", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "re_rating_items",
                columns: table => new
                {
                    account_id = table.Column<Guid>(type: "uuid", nullable: false),
                    re_rating_id = table.Column<Guid>(type: "uuid", nullable: false),
                    charge_id = table.Column<Guid>(type: "uuid", nullable: false),
                    unit_before = table.Column<string>(type: "character varying(40)", maxLength: 40, nullable: true),
                    before = table.Column<decimal>(type: "numeric(20,6)", precision: 20, scale: 6, nullable: false),
                    unit_after = table.Column<string>(type: "character varying(40)", maxLength: 40, nullable: true),
                    after = table.Column<decimal>(type: "numeric(20,6)", precision: 20, scale: 6, nullable: false),
                    rating = table.Column<string>(type: "jsonb", nullable: false),
                    state = table.Column<string>(type: "character varying(10)", maxLength: 10, nullable: false),
                    detail = table.Column<string>(type: "character varying(500)", maxLength: 500, nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_re_rating_items", x => new { x.account_id, x.re_rating_id, x.charge_id });
                });

            migrationBuilder.CreateTable(
                name: "re_ratings",
                columns: table => new
                {
                    id = table.Column<Guid>(type: "uuid", nullable: false),
                    status = table.Column<string>(type: "character varying(10)", maxLength: 10, nullable: false),
                    starts_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    ends_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    rate_card = table.Column<string>(type: "character varying(60)", maxLength: 60, nullable: false),
                    version = table.Column<int>(type: "integer", nullable: true),
                    accounts = table.Column<Guid[]>(type: "uuid[]", nullable: false),
                    charges = table.Column<int>(type: "integer", nullable: false),
                    left_out = table.Column<string>(type: "jsonb", nullable: false),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    created_by = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: false),
                    approved_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    approved_by = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: true),
                    reason = table.Column<string>(type: "character varying(500)", maxLength: 500, nullable: true),
                    posted_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_re_ratings", x => x.id);
                    table.CheckConstraint("ck_re_ratings_period", "ends_at > starts_at");
                });

            migrationBuilder.CreateTable(
                name: "provider_bill_lines",
                columns: table => new
                {
                    bill_id = table.Column<Guid>(type: "uuid", nullable: false),
                    day = table.Column<DateOnly>(type: "date", nullable: false),
                    provider = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: false),
                    model = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: false),
                    token_kind = table.Column<string>(type: "character varying(20)", maxLength: 20, nullable: false),
                    tokens = table.Column<long>(type: "bigint", nullable: false),
                    cost = table.Column<decimal>(type: "numeric(20,6)", precision: 20, scale: 6, nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_provider_bill_lines", x => new { x.bill_id, x.day, x.provider, x.model, x.token_kind });
                    table.CheckConstraint("ck_provider_bill_lines_amounts", "tokens >= 0");
                    table.ForeignKey(
                        name: "fk_provider_bill_lines_provider_bills_bill_id",
                        column: x => x.bill_id,
                        principalTable: "provider_bills",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateIndex(
                name: "ix_provider_bills_digest",
                table: "provider_bills",
                column: "digest",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_re_rating_items_re_rating_id_state",
                table: "re_rating_items",
                columns: new[] { "re_rating_id", "state" });
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "provider_bill_lines");

            migrationBuilder.DropTable(
                name: "re_rating_items");

            migrationBuilder.DropTable(
                name: "re_ratings");

            migrationBuilder.DropTable(
                name: "provider_bills");

            migrationBuilder.DropColumn(
                name: "price",
                table: "charge_refunds");
        }
    }
}
