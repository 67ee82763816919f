using BillingPortal.Tests.Testing;

namespace BillingPortal.Tests.Ledger;

/// <summary>Holds the ledger against the log that the clients kept: what was acknowledged is there once, nothing else is, and all of it adds up.</summary>
internal static class Referee
{
    public const string Lost = "lost";
    public const string TakenTwice = "taken twice";
    public const string Contradicted = "contradicted";
    public const string DoesNotAddUp = "does not add up";
    public const string NotVerified = "not verified";

    /// <returns>What is wrong, each beginning with one of the words above; empty when nothing is.</returns>
    public static async Task<List<string>> FindingsAsync(KillablePortal portal, ChargingClients clients)
    {
        List<string> findings = [.. clients.Contradictions.Select(what => $"{Contradicted}: {what}")];
        await CompareAsync(portal, clients, findings);
        await AddUpAsync(portal, clients, findings);
        if (await portal.LedgerProblemsAsync() is { } problems)
        {
            findings.Add($"{NotVerified}: {problems}");
        }

        return findings;
    }

    /// <summary>Every key that a client saw answered is one operation with the id that the client was told, and each operation is one charge.</summary>
    private static async Task CompareAsync(KillablePortal portal, ChargingClients clients, List<string> findings)
    {
        foreach (var line in await portal.LinesAsync($"select key, count(*) from operations where kind = 'charge' and key like '{clients.Prefix}%' group by key having count(*) > 1"))
        {
            findings.Add($"{TakenTwice}: {line}");
        }

        var recorded = await portal.PairsAsync($"select distinct on (key) key, id from operations where kind = 'charge' and key like '{clients.Prefix}%' order by key, id");
        foreach (var (key, told) in clients.Acknowledged)
        {
            if (!recorded.TryGetValue(key, out var id))
            {
                findings.Add($"{Lost}: {key}");
            }
            else if (id != told.Id)
            {
                findings.Add($"{Contradicted}: {key} is {id}, told was {told.Id}");
            }
        }

        var charges = await portal.ScalarAsync<long>($"select count(*) from charges c join operations o on o.account_id = c.account_id and o.id = c.id where o.key like '{clients.Prefix}%'");
        if (charges != clients.Acknowledged.Count)
        {
            findings.Add($"{DoesNotAddUp}: {clients.Acknowledged.Count} charges acknowledged, {charges} on record");
        }

        foreach (var (account, taken) in clients.Acknowledged.Values.GroupBy(told => told.Account).Select(g => (g.Key, g.Count())))
        {
            if (clients.Balances[account] != ChargingClients.Granted - (taken * clients.Price))
            {
                findings.Add($"{DoesNotAddUp}: {account} was told of {clients.Balances[account]} at last, after {taken} charges");
            }
        }
    }

    /// <summary>balance = Σ transfers = Σ grants − debt, numbers without gaps, nobody under their floor, and in sum just what was granted less what was charged.</summary>
    private static async Task AddUpAsync(KillablePortal portal, ChargingClients clients, List<string> findings)
    {
        foreach (var line in await portal.LinesAsync(
            $"""
            select a.external_id, w.unit, w.balance from wallets w join accounts a using (account_id)
            left join lateral (select coalesce(sum(case when is_credit then amount else -amount end), 0) as moved, count(*) as rows, coalesce(max(seq), 0) as last
                from transfers t where t.account_id = w.account_id and t.unit = w.unit) t on true
            left join lateral (select coalesce(sum(remaining), 0) as remaining from grants g where g.account_id = w.account_id and g.unit = w.unit) g on true
            where a.external_id like '{clients.Prefix}%' and (w.balance <> t.moved or w.balance <> g.remaining - w.debt or w.seq <> t.rows or w.seq <> t.last or w.balance < 0)
            """))
        {
            findings.Add($"{DoesNotAddUp}: {line}");
        }

        var balance = await portal.ScalarAsync<decimal>($"select coalesce(sum(w.balance), 0) from wallets w join accounts a using (account_id) where a.external_id like '{clients.Prefix}%' and w.unit = 'credit'");
        if (balance != (clients.Accounts * ChargingClients.Granted) - (clients.Acknowledged.Count * clients.Price))
        {
            findings.Add($"{DoesNotAddUp}: all wallets together hold {balance} after {clients.Acknowledged.Count} charges");
        }
    }
}
