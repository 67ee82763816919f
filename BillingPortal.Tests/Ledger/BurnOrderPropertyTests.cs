using BillingPortal.Ledger;
using BillingPortal.Primitives;
using BillingPortal.Tests.Testing;
using FsCheck;
using FsCheck.Fluent;

namespace BillingPortal.Tests.Ledger;

public class BurnOrderPropertyTests
{
    /// <param name="What">Below 3: a grant. Else a debit.</param>
    private sealed record Move(int What, int Amount, int Source, int ExpiresInHours, int WaitHours);

    private static readonly GrantSource[] Sources = [GrantSource.Purchase, GrantSource.Bonus, GrantSource.Free, GrantSource.Promotional, GrantSource.Adjustment, GrantSource.Refund];

    private static readonly Gen<Move[]> Moves = Gen.ArrayOf(
        from what in Gen.Choose(0, 5)
        from amount in Gen.Choose(1, 500)
        from source in Gen.Choose(0, 5)
        from expires in Gen.Choose(-300, 300)
        from wait in Gen.Choose(1, 40) // of two grants of one instant neither is the older
        select new Move(what, amount, source, expires, wait));

    [Fact]
    public void Grants_burn_by_priority_then_expiry_then_age_and_what_none_covers_becomes_debt() =>
        Check.One(LongForm.Properties.WithEndSize(40), Prop.ForAll(Arb.From(Moves), moves =>
        {
            var account = new PureAccount();
            var now = PureAccount.Opening;
            // What stands in the wallet by this test's own reckoning.
            var there = new List<(Guid Id, int Priority, DateTimeOffset Expires, DateTimeOffset Since, decimal Left)>();
            var debt = 0m;
            foreach (var move in moves)
            {
                now = now.AddHours(move.WaitHours);
                account.At(now);
                there.RemoveAll(g => g.Expires <= now);
                if (move.What < 3)
                {
                    var expires = move.ExpiresInHours > 0 ? now.AddHours(move.ExpiresInHours) : DateTimeOffset.MaxValue;
                    var before = account.State.Grants.Select(g => g.Id).ToHashSet();
                    account.Granted("credit", move.Amount, Sources[move.Source], expires == DateTimeOffset.MaxValue ? null : expires);
                    var repaid = Math.Min(debt, move.Amount);
                    debt -= repaid;
                    there.Add((account.State.Grants.Single(g => !before.Contains(g.Id)).Id.Value, Priority(Sources[move.Source]), expires, now, move.Amount - repaid));
                    continue;
                }

                var drawn = account.State.Debit(Unit.Credit, Amount.Of(move.Amount), Book.Revenue, TransferKind.Adjustment).Grants.Select(d => (d.Grant.Value, d.Amount.Value)).ToList();
                var expected = Draw(there, move.Amount, out var uncovered);
                debt += uncovered;
                if (!drawn.SequenceEqual(expected))
                {
                    return false.Label($"{move}: expected {string.Join(' ', expected)}, drawn {string.Join(' ', drawn)}");
                }
            }

            account.At(now);
            return (account.Balance("credit") == there.Sum(g => g.Left) - debt).Label("the balance is another");
        }));

    private static List<(Guid Id, decimal Amount)> Draw(List<(Guid Id, int Priority, DateTimeOffset Expires, DateTimeOffset Since, decimal Left)> there, decimal amount, out decimal uncovered)
    {
        var draws = new List<(Guid, decimal)>();
        foreach (var grant in there.OrderBy(g => g.Priority).ThenBy(g => g.Expires).ThenBy(g => g.Since).ToList())
        {
            var some = Math.Min(grant.Left, amount);
            if (some > 0)
            {
                there[there.FindIndex(g => g.Id == grant.Id)] = grant with { Left = grant.Left - some };
                draws.Add((grant.Id, some));
                amount -= some;
            }
        }

        uncovered = amount;
        return draws;
    }

    /// <summary>What was given burns before what was paid for.</summary>
    private static int Priority(GrantSource source) => Array.IndexOf([GrantSource.Free, GrantSource.Refund, GrantSource.Promotional, GrantSource.Bonus, GrantSource.Adjustment, GrantSource.Purchase], source);
}
