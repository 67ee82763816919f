using System.Globalization;

namespace BillingPortal.Primitives;

// Ids are uuid v7, so that rows of one table lie in the order they were made. People and programs see them with a prefix.

/// <summary>Who is billed. Shown as <c>acc_</c> and 32 hexadecimal digits.</summary>
public readonly record struct AccountId(Guid Value) : IComparable<AccountId>
{
    public const string Prefix = "acc_";

    public static AccountId New() => new(Guid.CreateVersion7());
    public static bool TryParse(string? text, out AccountId id)
    {
        var parsed = ShownId.TryParse(Prefix, text, out Guid value);
        id = new(value);
        return parsed;
    }

    public int CompareTo(AccountId other) => Value.CompareTo(other.Value);
    public override string ToString() => ShownId.Show(Prefix, Value);
}

/// <summary>Value put into a wallet. Shown as <c>grant_…</c>.</summary>
public readonly record struct GrantId(Guid Value)
{
    public const string Prefix = "grant_";

    public static GrantId New() => new(Guid.CreateVersion7());
    public static bool TryParse(string? text, out GrantId id)
    {
        var parsed = ShownId.TryParse(Prefix, text, out Guid value);
        id = new(value);
        return parsed;
    }

    public override string ToString() => ShownId.Show(Prefix, Value);
}

/// <summary>One row of the ledger. Shown as <c>tr_…</c>.</summary>
public readonly record struct TransferId(Guid Value)
{
    public const string Prefix = "tr_";

    public static TransferId New() => new(Guid.CreateVersion7());
    public static bool TryParse(string? text, out TransferId id)
    {
        var parsed = ShownId.TryParse(Prefix, text, out Guid value);
        id = new(value);
        return parsed;
    }

    public override string ToString() => ShownId.Show(Prefix, Value);
}

/// <summary>A charge; carries its account so that a lookup by id touches one account (DESIGN §7.14). Shown as <c>chg_</c> and 64 hexadecimal digits.</summary>
public readonly record struct ChargeId(AccountId Account, Guid Value)
{
    public const string Prefix = "chg_";

    public static ChargeId New(AccountId account) => new(account, Guid.CreateVersion7());
    public static bool TryParse(string? text, out ChargeId id)
    {
        var parsed = ShownId.TryParse(Prefix, text, out var account, out var value);
        id = new(account, value);
        return parsed;
    }

    public override string ToString() => ShownId.Show(Prefix, Account.Value, Value);
}

/// <summary>A hold; carries its account. Shown as <c>hold_</c> and 64 hexadecimal digits.</summary>
public readonly record struct HoldId(AccountId Account, Guid Value)
{
    public const string Prefix = "hold_";

    public static HoldId New(AccountId account) => new(account, Guid.CreateVersion7());
    public static bool TryParse(string? text, out HoldId id)
    {
        var parsed = ShownId.TryParse(Prefix, text, out var account, out var value);
        id = new(account, value);
        return parsed;
    }

    public override string ToString() => ShownId.Show(Prefix, Account.Value, Value);
}

/// <summary>How an id is written for people and programs: a prefix and lower-case hexadecimal digits.</summary>
public static class ShownId
{
    public static string Show(string prefix, Guid value) => string.Create(CultureInfo.InvariantCulture, $"{prefix}{value:N}");
    public static string Show(string prefix, Guid account, Guid value) => string.Create(CultureInfo.InvariantCulture, $"{prefix}{account:N}{value:N}");

    public static bool TryParse(string prefix, string? text, out Guid value)
    {
        value = default;
        return text is not null && text.Length == prefix.Length + 32 && text.StartsWith(prefix, StringComparison.Ordinal)
            && Guid.TryParseExact(text.AsSpan(prefix.Length), "N", out value);
    }

    public static bool TryParse(string prefix, string? text, out AccountId account, out Guid value)
    {
        account = default;
        value = default;
        if (text is null || text.Length != prefix.Length + 64 || !text.StartsWith(prefix, StringComparison.Ordinal)
            || !Guid.TryParseExact(text.AsSpan(prefix.Length, 32), "N", out var first)
            || !Guid.TryParseExact(text.AsSpan(prefix.Length + 32), "N", out value))
        {
            return false;
        }

        account = new(first);
        return true;
    }
}
