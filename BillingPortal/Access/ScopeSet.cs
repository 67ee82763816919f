namespace BillingPortal.Access;

/// <summary>A set of scopes in one word. <see cref="Scope.Admin"/> contains every other.</summary>
public readonly record struct ScopeSet(int Bits)
{
    public static readonly ScopeSet All = Of(Enum.GetValues<Scope>());

    public static ScopeSet Of(params IEnumerable<Scope> scopes) => new(scopes.Aggregate(0, (bits, scope) => bits | Bit(scope)));

    public bool IsEmpty => Bits == 0;

    public bool Contains(Scope scope) => (Bits & (Bit(scope) | Bit(Scope.Admin))) != 0;

    /// <summary>The scopes that were given by name, without those that admin implies.</summary>
    public IEnumerable<Scope> Named()
    {
        var bits = Bits;
        return Enum.GetValues<Scope>().Where(scope => (bits & Bit(scope)) != 0);
    }

    /// <summary>As callers write them: <c>gate</c>, <c>read</c>…</summary>
    public static string NameOf(Scope scope) => scope switch
    {
        Scope.Gate => "gate",
        Scope.Usage => "usage",
        Scope.Accounts => "accounts",
        Scope.Read => "read",
        Scope.Admin => "admin",
        Scope.Checkout => "checkout",
    };

    public static bool TryParse(string? name, out Scope scope)
    {
        foreach (var known in Enum.GetValues<Scope>())
        {
            if (NameOf(known) == name)
            {
                scope = known;
                return true;
            }
        }

        scope = default;
        return false;
    }

    private static int Bit(Scope scope) => 1 << (int)scope;
}
