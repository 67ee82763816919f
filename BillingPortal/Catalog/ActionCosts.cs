using BillingPortal.Primitives;

namespace BillingPortal.Catalog;

/// <summary>A change of one action's cost. A null leaves what is there; a new action needs a price.</summary>
internal sealed record ActionCostEdit(string? Name = null, decimal? Price = null, string? Unit = null, string? Description = null, bool? Active = null);

/// <param name="Added">Actions that the catalog lacked.</param>
/// <param name="Kept">Actions of the file that it had already.</param>
internal sealed record ActionCostsSeeded(int Added, int Kept, bool Success = true);

/// <summary>Changes of the list of action costs (B1). Pure; each makes a new catalog of the one in force.</summary>
internal static class ActionCosts
{
    /// <summary>Sets one action's cost; one that the catalog lacks is added.</summary>
    public static Result<CatalogDocument> Edit(CatalogDocument catalog, string action, ActionCostEdit edit)
    {
        var known = catalog.FindAction(action);
        if (edit.Price is null && known is null)
        {
            return Refusal.Invalid("price", $"The catalog has no action '{action}' yet: name its price to add it.");
        }

        if (edit.Price is { } asked && (!Amount.TryOf(asked, out var checkedPrice) || checkedPrice.IsNegative || !checkedPrice.IsWithinRequestLimit))
        {
            return Refusal.Invalid("price", "A price is 0 to 1,000,000,000 with at most six decimals.", ErrorCode.InvalidAmount);
        }

        if (edit.Unit is not null && !Primitives.Unit.TryParse(edit.Unit, out _))
        {
            return Refusal.Invalid("unit", $"'{edit.Unit}' is no unit: credit, the catalog's currency or a meter that counts.");
        }

        var price = edit.Price is { } given ? Amount.Of(given) : known!.Price;
        var changed = (known ?? new ActionCost(action, action, price)) with { Price = price };
        changed = changed with
        {
            Name = edit.Name ?? changed.Name,
            Unit = edit.Unit is null ? changed.Unit : Primitives.Unit.Of(edit.Unit),
            Description = edit.Description ?? changed.Description,
            IsActive = edit.Active ?? changed.IsActive,
        };
        return Checked(catalog with
        {
            Actions = known is null ? [.. catalog.Actions, changed] : [.. catalog.Actions.Select(a => a.Id == action ? changed : a)],
        });
    }

    /// <summary>Adds the actions of a file that the catalog lacks. What is there already stays as it is, edited or not.</summary>
    public static Result<CatalogDocument> Seed(CatalogDocument catalog, CatalogDocument file) => Checked(catalog with
    {
        Actions = [.. catalog.Actions, .. file.Actions.Where(a => catalog.FindAction(a.Id) is null)],
    });

    // The rules of a file hold for an edit too: id, name, unit.
    private static Result<CatalogDocument> Checked(CatalogDocument changed) => CatalogFile.Proposal(CatalogJson.Check(changed));

    /// <summary>Edits one action's cost and puts it into force.</summary>
    public static async Task<(ActionCost? Cost, Refusal? Refusal)> PublishEditAsync(CatalogPublication publication, string action, ActionCostEdit edit, string actor, CancellationToken ct)
    {
        ActionCost? changed = null;
        var result = await publication.PublishAsync(
            before =>
            {
                var proposal = Edit(before!.Document, action, edit);
                changed = proposal.TryGet(out var document, out _) ? document.FindAction(action) : null;
                return proposal;
            },
            actor, $"cost of {action}", dryRun: false, ct);
        return result.Match<(ActionCost?, Refusal?)>(_ => (changed, null), refusal => (null, refusal));
    }

    /// <summary>Seeds from a file and puts the result into force.</summary>
    public static async Task<(ActionCostsSeeded? Seeded, Refusal? Refusal)> PublishSeedAsync(CatalogPublication publication, string path, string actor, CancellationToken ct)
    {
        var proposal = await CatalogFile.ReadAsync(path, ct);
        if (!proposal.TryGet(out var file, out var refusal))
        {
            return (null, refusal);
        }

        var result = await publication.PublishAsync(before => before is null ? file : Seed(before.Document, file), actor, $"action costs of {path}", dryRun: false, ct);
        return result.Match<(ActionCostsSeeded?, Refusal?)>(
            published => (new(published.Changes.Count, file.Actions.Count - published.Changes.Count), null),
            refused => (null, refused));
    }
}
