using System.Text.Json;
using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Charging;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Mvc;

namespace BillingPortal.Gating;

/// <summary>Up to 1,000 charges in one request, each with a key of its own, decided in order; one that is refused does not spoil the others.</summary>
internal static class BatchEndpoint
{
    private const int Most = 1_000;

    public static void Map(RouteGroupBuilder api) => api.MapPost("/charges/batch", TakeAsync)
        .WithName("CreateCharges").WithSummary("Up to 1,000 charges, each with its idempotency_key; answers in the same order.")
        .RequireScope(Scope.Gate)
        .Accepts<BatchBodySchema>("application/json")
        .Produces<BatchAnswer>()
        .ProducesProblem(400).ProducesProblem(413);

    private static async Task<IResult> TakeAsync(HttpContext context, [FromServices] Charges charges, [FromServices] AccountDirectory accounts, [FromServices] Refusals refusals, [FromServices] GatingMetrics metrics)
    {
        var (items, malformed) = await RequestBody.ReadAsync<List<Item>>(context, Read);
        if (items is null)
        {
            return malformed!.ToProblem();
        }

        var caller = context.Caller();
        await accounts.RememberAllAsync(caller, items.Where(item => item.Request is not null).Select(item => item.Request!.Account));
        // All are queued before the first is awaited: one account's keep their order, and they share commits.
        var outcomes = new Task<ChargeOutcome>?[items.Count];
        for (var i = 0; i < outcomes.Length; i++)
        {
            outcomes[i] = items[i].Request is { } request ? await charges.QueueAsync(caller, request, items[i].Key) : null;
        }

        var results = new BatchResult[items.Count];
        for (var i = 0; i < results.Length; i++)
        {
            results[i] = outcomes[i] is { } task ? Answer(context, items[i].Request!, await task, refusals, metrics) : Refused(context, items[i].Malformed!);
        }

        return TypedResults.Ok(new BatchAnswer(results));
    }

    private static BatchResult Answer(HttpContext context, ChargeRequest request, ChargeOutcome outcome, Refusals refusals, GatingMetrics metrics)
    {
        if (outcome.Refusal is { } refusal)
        {
            refusals.Note(outcome.Account, request, refusal);
            return Refused(context, refusal.WithTopUp(context));
        }

        var taken = outcome.Taken!;
        metrics.Charged(taken);
        refusals.NoteTaken(outcome.Account, request, taken);
        return new(StatusCodes.Status201Created) { Charge = ChargeAnswer.Of(taken.Charge, taken.Receipt, request.Account), Replayed = taken.Replayed ? true : null };
    }

    private static BatchResult Refused(HttpContext context, Refusal refusal)
    {
        var problem = refusal.ToProblemDetails();
        problem.Extensions["request_id"] = context.TraceIdentifier;
        return new(refusal.Code.Status) { Problem = problem };
    }

    internal static List<Item>? Read(ref Utf8JsonReader json, FieldErrors errors)
    {
        List<Item>? items = null;
        if (json.TokenType != JsonTokenType.StartObject)
        {
            json.Skip();
            errors.Add("body", "Must be an object with charges.");
            return null;
        }

        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            var name = BodyValues.NameOf(ref json);
            json.Read();
            if (name != "charges" || items is not null || json.TokenType != JsonTokenType.StartArray)
            {
                json.Skip();
                errors.Add(name, name != "charges" ? "Unknown field." : items is not null ? "Named twice." : "Must be an array.");
                continue;
            }

            items = ReadItems(ref json, errors);
        }

        if (!errors.Any && items is not { Count: > 0 })
        {
            errors.Add("charges", "Must hold at least one charge.");
        }

        return items;
    }

    private static List<Item> ReadItems(ref Utf8JsonReader json, FieldErrors errors)
    {
        var items = new List<Item>();
        while (json.Read() && json.TokenType != JsonTokenType.EndArray)
        {
            var wrong = new FieldErrors();
            var request = ChargeBody.Read(ref json, inBatch: true, wrong, out var text);
            if (!IdempotencyKey.TryParse(text, out var key))
            {
                wrong.Add("idempotency_key", "Must be 1 to 255 visible ASCII characters without spaces.");
            }

            items.Add(wrong.Any ? new(null, default, wrong.ToRefusal()) : new(request, key, null));
            if (items.Count > Most)
            {
                errors.Add("charges", "Must hold at most 1,000 charges.");
                items.Clear();
            }
        }

        return items;
    }

    internal readonly record struct Item(ChargeRequest? Request, IdempotencyKey Key, Refusal? Malformed);
}

internal sealed record BatchAnswer(IReadOnlyList<BatchResult> Results);

/// <summary>What one charge of a batch came to: a charge, or a problem with the status that it would have had alone.</summary>
internal sealed record BatchResult(int Status)
{
    public ChargeAnswer? Charge { get; init; }
    public bool? Replayed { get; init; }
    public ProblemDetails? Problem { get; init; }
}
