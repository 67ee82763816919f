using BillingPortal.Catalog;
using BillingPortal.Primitives;
using Npgsql;
using NpgsqlTypes;

namespace BillingPortal.Ledger;

/// <summary>Reads the zones of the accounts whose periods go by the calendar, in a round trip of their own; others pay nothing for it.</summary>
internal static class ZoneReading
{
    private const string Zones = "select account_id, time_zone from accounts where account_id = any($1)";

    /// <summary>A border is to be crossed that the calendar sets.</summary>
    public static bool IsNeeded(AccountState state) => state.IsDue && state.Plan.Period == PeriodRule.Calendar;

    public static async Task ReadAsync(NpgsqlConnection connection, IReadOnlyList<AccountState> states, CancellationToken ct)
    {
        var byAccount = states.ToDictionary(s => s.Account);
        await using var command = new NpgsqlCommand(Zones, connection);
        command.Parameters.Add(new() { Value = byAccount.Keys.Select(a => a.Value).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid });
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            byAccount[new(reader.GetGuid(0))].Zone = Primitives.Zones.Find(reader.GetString(1));
        }
    }
}
