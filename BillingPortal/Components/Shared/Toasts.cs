namespace BillingPortal.Components.Shared;

/// <summary>Short messages after an act, one list per open page; shown by <c>ToastHost</c> in the frame.</summary>
public sealed class Toasts
{
    private readonly List<Toast> shown = [];

    public event Action? Changed;

    public IReadOnlyList<Toast> Shown => shown;

    public void Good(string title, string? text = null) => Show(new("good", title, text));

    /// <summary>Says what failed and what was not done; stays until it is dismissed.</summary>
    public void Bad(string title, string? text = null) => Show(new("bad", title, text));

    public void Dismiss(Toast toast)
    {
        shown.Remove(toast);
        Changed?.Invoke();
    }

    private void Show(Toast toast)
    {
        shown.Add(toast);
        if (shown.Count > 4)
        {
            shown.RemoveAt(0);
        }

        Changed?.Invoke();
    }
}

/// <param name="Kind">As of a banner: <c>good</c> or <c>bad</c>.</param>
public sealed record Toast(string Kind, string Title, string? Text)
{
    public Guid Id { get; } = Guid.NewGuid();
}
