namespace BillingPortal.Tests.Gating;

/// <summary>One of everything that a charge can meet, in a catalog small enough to be reckoned by hand; <see cref="NaiveModel"/> repeats its figures in words of its own.</summary>
internal static class NaiveCatalog
{
    public const string Json = """
        {
          "name": "Naive", "currency": "usd", "default_plan": "free", "free_uses": 3, "refund_grace_days": 30,
          "meters": [{ "id": "messages", "name": "Messages" }, { "id": "tokens", "name": "Tokens" }, { "id": "calls", "name": "Calls" }],
          "providers": [{ "id": "acme", "name": "Acme", "bring_your_own_key": true }],
          "models": [{ "id": "small", "name": "Small", "provider": "acme" }],
          "actions": [
            { "id": "render", "name": "Render", "price": 2.5 },
            { "id": "report", "name": "Report", "price": 0.25, "unit": "usd" },
            { "id": "look", "name": "Look", "price": 0 }
          ],
          "rate_cards": [{ "id": "list", "version": 1, "effective_from": "2020-01-01T00:00:00Z", "unit": "credit",
            "models": [{ "provider": "acme", "model": "small", "prices": { "input": 1, "output": 5, "cached_input": 0.1, "per": 1000 } }] }],
          "outcome_shares": { "provider_error": 0, "timeout": 0.5 },
          "plans": [
            {
              "id": "free", "name": "Free", "bring_your_own_key": true, "low_balance_policy": "block",
              "allowances": [
                { "meter": "messages", "included": 10 },
                { "meter": "tokens", "included": 1000, "cap": "soft", "grace_percent": 120 }
              ],
              "funding": {
                "messages": [{ "wallet": "messages" }, { "wallet": "credit", "price": 2 }],
                "credit": [{ "wallet": "free_use", "per_use": true }, { "wallet": "credit" }]
              }
            },
            {
              "id": "pro", "name": "Pro", "rank": 1, "bring_your_own_key": true, "low_balance_policy": "limited", "overdraft_limit": 10, "included_credits": 50,
              "prices": [{ "interval": "month", "amount": 99, "currency": "usd" }],
              "allowances": [
                { "meter": "messages", "included": 100, "rollover_percent": 50 },
                { "meter": "tokens", "included": 10000, "cap": "soft", "overage": { "price": 0.01, "per": 1000, "currency": "usd" } },
                { "meter": "calls", "included": null }
              ],
              "funding": { "messages": [{ "wallet": "messages" }, { "wallet": "credit", "price": 2 }] }
            }
          ]
        }
        """;
}
