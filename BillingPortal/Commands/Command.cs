namespace BillingPortal.Commands;

/// <summary>What followed a command's own words: the operands, and the options that start with a dash.</summary>
internal sealed record Arguments(IReadOnlyList<string> Operands, IReadOnlySet<string> Options)
{
    /// <summary>What stands behind <c>--name=</c>; null without it.</summary>
    public string? Value(string name) => Options.FirstOrDefault(o => o.StartsWith($"--{name}=", StringComparison.Ordinal)) is { } option ? option[(name.Length + 3)..] : null;
}

/// <summary>One command of the command line. Its result goes to standard output, what went wrong to standard error.</summary>
/// <param name="Words">The words that name it.</param>
/// <param name="Operands">What follows them.</param>
/// <param name="Does">What it does, for the list of commands.</param>
/// <param name="NeedsDatabase">Whether the database must be fit to be served from first.</param>
internal sealed record Command(
    IReadOnlyList<string> Words, string Operands, string Does, bool NeedsDatabase, Func<IServiceProvider, Arguments, CancellationToken, Task<int>> RunAsync)
{
    public static readonly IReadOnlyList<Command> All =
    [
        Migrate.Command,
        CatalogCommands.Import,
        CatalogCommands.Prices,
        CatalogCommands.Export,
        CatalogCommands.Diff,
        CatalogCommands.Seed,
        Demo.DemoCommand.Command,
        VerifyLedger.Command,
        StripeCommands.Doctor,
        StripeCommands.Sync,
        ApiKeyCommand.Create,
    ];

    public static string Usage
    {
        get
        {
            (string Call, string Does)[] lines = [("serve", "the portal; also without any command"), .. All.Select(c => ($"{string.Join(' ', c.Words)} {c.Operands}", c.Does))];
            var width = lines.Max(l => l.Call.Length) + 2;
            return string.Join(Environment.NewLine, lines.Select(l => l.Call.PadRight(width) + l.Does));
        }
    }
}
