namespace BillingPortal.Data;

/// <summary>Roles without login that a scope takes on for one transaction, and the tables that are special to them.</summary>
public static class DatabaseRoles
{
    /// <summary>The ledger's writer and jobs: every row.</summary>
    public const string Writer = "billing_writer";
    /// <summary>Staff pages and admin endpoints: every row, the ledger for reading only.</summary>
    public const string Staff = "billing_staff";

    /// <summary>Tables that only <see cref="Writer"/> changes; everybody else reads them.</summary>
    public static readonly IReadOnlyList<string> WrittenByWriterOnly =
    [
        "ledger_heads", "wallets", "grants", "transfers", "operations", "operation_details", "charges", "charge_refunds", "holds", "hold_changes", "budgets", "budget_uses", "levels", "suspense_charges", "ledger_anchors",
        "overages", "overage_marks", "meter_standings", "meter_reports", "uncounted_charges", "usage_events", "usage_keys", "uncharged_usage", "usage_rollups", "alerts", "re_ratings", "re_rating_items",
        "subscriptions", "subscription_standings", "subscription_changes", "invoices", "payments", "refunds", "disputes", "top_ups",
    ];

    /// <summary>Tables whose rows are never changed nor deleted, by anybody: a trigger refuses it, and the privilege is missing too.</summary>
    public static readonly IReadOnlyList<string> AppendOnly =
    [
        "transfers", "operations", "charges", "charge_refunds", "overages", "hold_changes", "ledger_anchors", "audit_entries", "catalog_versions", "subscription_changes",
    ];
}
