using BillingPortal.Access;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Authorization;

namespace BillingPortal.Components;

/// <summary>What every page with data does the same way: knows the caller, loads, and says so when loading failed.</summary>
public abstract class LoadingPage : ComponentBase, IDisposable
{
    private readonly CancellationTokenSource gone = new();

    [CascadingParameter]
    protected Task<AuthenticationState> Authentication { get; set; } = default!;

    [CascadingParameter]
    protected Viewer Viewer { get; set; } = Viewer.Utc;

    [Inject]
    protected ILoggerFactory Loggers { get; set; } = default!;

    /// <summary>Who is asking, as the circuit knows it now; ask again before anything that changes something.</summary>
    protected Caller Caller { get; private set; } = Caller.Nobody;

    /// <summary>Why the page has nothing to show, for a person.</summary>
    protected string? Failure { get; private set; }

    /// <summary>Cancelled when the page is left.</summary>
    protected CancellationToken Gone => gone.Token;

    /// <summary>Reads what the page shows.</summary>
    protected abstract Task LoadAsync();

    protected override async Task OnInitializedAsync()
    {
        Caller = await CallerNowAsync();
        if (!IsRestored)
        {
            await ReloadAsync();
        }
    }

    /// <summary>True when the first rendering's data came along with the page, so that nothing is read twice.</summary>
    protected virtual bool IsRestored => false;

    protected async Task<Caller> CallerNowAsync() => (await Authentication).User.Caller();

    /// <summary>Loads again; what is shown stays while it does.</summary>
    protected async Task ReloadAsync()
    {
        if (gone.IsCancellationRequested)
        {
            return;
        }

        try
        {
            await LoadAsync();
            Failure = null;
        }
        catch (OperationCanceledException) when (gone.IsCancellationRequested)
        {
        }
        catch (Exception e) when (IsPassing(e))
        {
            // The database is away: say so and let the person retry; the page itself stays.
            Loggers.CreateLogger(GetType()).LogWarning(e, "A page could not read what it shows");
            Failure = "The database did not answer. Nothing was changed; try again in a moment.";
        }
    }

    // Away, not wrong: a statement that the database refuses is a bug, and the error boundary says so.
    private static bool IsPassing(Exception e) =>
        e is TimeoutException or Npgsql.NpgsqlException { IsTransient: true } or (Npgsql.NpgsqlException and not Npgsql.PostgresException) or InvalidOperationException { InnerException: Npgsql.NpgsqlException };

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
        gone.Cancel();
        gone.Dispose();
    }
}

/// <summary>A customer's page: shows the account that the person is signed in as.</summary>
public abstract class AccountPage : LoadingPage
{
    protected AccountId Account => Caller.Account ?? throw new InvalidOperationException("A customer's page was opened without an account.");
}
