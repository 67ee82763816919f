using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Http.HttpResults;

namespace BillingPortal.Identity.Users;

/// <param name="Email">Somebody who is not known yet is invited by mail.</param>
/// <param name="Role"><c>viewer</c>, <c>member</c> (default), <c>admin</c> or <c>owner</c>.</param>
internal sealed record MemberBody(string? Email, MemberRole? Role);

internal sealed record MemberShown(string Id, string? Email, string? Name, MemberRole Role, DateTimeOffset Since)
{
    public const string Prefix = "usr_";

    public static MemberShown Of(MemberView member) => new(ShownId.Show(Prefix, member.User), member.Email, member.Name, member.Role, member.Since);
}

internal sealed record MemberList(IReadOnlyList<MemberShown> Data);

/// <summary>The people of an account (API.md, Budgets, members).</summary>
internal static class MemberEndpoints
{
    private const string Path = "/accounts/{account}/members";

    public static RouteGroupBuilder MapMembers(this RouteGroupBuilder api)
    {
        api.MapGet(Path, ListAsync).WithName("ListMembers").WithSummary("Who belongs to the account, and as what").WithTags("Accounts").RequireScope(Scope.Read, Scope.Accounts);
        api.MapPost(Path, SetAsync).WithName("SetMember").WithSummary("Adds a person by e-mail, inviting who is not known yet, or changes their role").WithTags("Accounts").RequireScope(Scope.Accounts)
            .ProducesProblem(400).ProducesProblem(404).ProducesProblem(409);
        api.MapDelete(Path + "/{id}", RemoveAsync).WithName("RemoveMember").WithSummary("Takes a person out of the account").WithTags("Accounts").RequireScope(Scope.Accounts)
            .ProducesProblem(404).ProducesProblem(409);
        return api;
    }

    private static async Task<Results<Ok<MemberList>, ProblemHttpResult>> ListAsync(string account, HttpContext context, AccountDirectory directory, AccountMembers members, CancellationToken ct) =>
        await directory.FindAsync(context.Caller(), account, ct) is { } id
            ? TypedResults.Ok(new MemberList([.. (await members.ListAsync(id, ct)).Select(MemberShown.Of)]))
            : AccountDirectory.Unknown.ToProblem();

    private static async Task<Results<Ok<MemberShown>, Created<MemberShown>, ProblemHttpResult>> SetAsync(
        string account, MemberBody body, HttpContext context, AccountDirectory directory, AccountMembers members, ReturnUrls urls, CancellationToken ct)
    {
        if (await directory.FindAsync(context.Caller(), account, ct) is not { } id)
        {
            return AccountDirectory.Unknown.ToProblem();
        }

        var (member, isNew, refusal) = await members.SetAsync(context.Caller().Actor, id, body.Email, body.Role ?? MemberRole.Member, urls.Own(context.Request), ct);
        return member is null ? refusal!.ToProblem()
            : isNew ? TypedResults.Created($"/api/v1/accounts/{id}/members/{ShownId.Show(MemberShown.Prefix, member.User)}", MemberShown.Of(member))
            : TypedResults.Ok(MemberShown.Of(member));
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> RemoveAsync(string account, string id, HttpContext context, AccountDirectory directory, AccountMembers members, CancellationToken ct)
    {
        if (await directory.FindAsync(context.Caller(), account, ct) is not { } known)
        {
            return AccountDirectory.Unknown.ToProblem();
        }

        var refusal = ShownId.TryParse(MemberShown.Prefix, id, out Guid user)
            ? await members.RemoveAsync(context.Caller().Actor, known, user, ct)
            : new(ErrorCode.NotFound, "There is no such member. Nothing was changed.");
        return refusal is null ? TypedResults.NoContent() : refusal.ToProblem();
    }
}
