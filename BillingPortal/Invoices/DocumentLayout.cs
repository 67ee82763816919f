using System.Globalization;
using BillingPortal.Accounts;
using BillingPortal.Ledger;
using BillingPortal.Pdf;
using BillingPortal.Primitives;
using BillingPortal.Purchases;

namespace BillingPortal.Invoices;

/// <summary>How receipts and statements look.</summary>
internal static class DocumentLayout
{
    private const double Left = 48, Right = 547, Bottom = PdfDocument.Height - 70;
    private const uint Muted = 0x667085, Shade = 0xF5F7FA;

    public static PdfDocument Receipt(PdfDocument page, IReadOnlyList<string> issuer, Account who, Order order, Amount tax)
    {
        var y = Head(page, "Receipt", issuer, who, [("Receipt", order.ShownId), ("Paid on", Day(order.FulfilledAt!.Value)), ("Payment", order.SessionId ?? "–")]);
        Row(page, ref y, "What was bought", "Amount", head: true);
        Row(page, ref y, Bought(order), Money(order.Price, order.Currency));
        y += 8;
        Row(page, ref y, "Net", Money(order.Price, order.Currency), line: false);
        Row(page, ref y, "Tax", Money(tax, order.Currency), line: false);
        Row(page, ref y, "Total paid", Money(order.Price + tax, order.Currency), bold: true, line: false);
        Foot(page, issuer);
        return page;
    }

    public static PdfDocument Statement(PdfDocument page, IReadOnlyList<string> issuer, Account who, DateOnly month, IReadOnlyList<StatementWallet> wallets)
    {
        var y = Head(page, "Statement", issuer, who, [("Month", month.ToString("MMMM yyyy", CultureInfo.InvariantCulture)), ("Account", who.ExternalId), ("Days", "counted in UTC")]);
        if (wallets.Count == 0)
        {
            page.Text("Nothing was held and nothing moved in this month.", Left, y, 10);
        }

        foreach (var wallet in wallets)
        {
            NextIfFull(page, issuer, ref y, 90);
            page.Text(wallet.Unit.IsCurrency ? $"Prepaid balance, {wallet.Unit.Code.ToUpperInvariant()}" : "Credits", Left, y, 13, bold: true);
            y += 22;
            Row(page, ref y, "Day and reason", "Amount", head: true);
            Row(page, ref y, "Balance at the beginning", Show(wallet.Opening, wallet.Unit), bold: true);
            foreach (var line in wallet.Lines)
            {
                NextIfFull(page, issuer, ref y, 40);
                Row(page, ref y, $"{line.Day.ToString("d MMM yyyy", CultureInfo.InvariantCulture)}   {Word(line.Kind)}{(line.Count > 1 ? $" ({line.Count.ToString("#,0", CultureInfo.InvariantCulture)} times)" : "")}", (line.Amount.IsPositive ? "+" : "") + Show(line.Amount, wallet.Unit));
            }

            Row(page, ref y, "Balance at the end", Show(wallet.Closing, wallet.Unit), bold: true);
            y += 26;
        }

        Foot(page, issuer);
        return page;
    }

    /// <returns>Where what follows begins.</returns>
    private static double Head(PdfDocument page, string kind, IReadOnlyList<string> issuer, Account who, IReadOnlyList<(string Name, string Value)> facts)
    {
        page.Text(issuer[0], Left, 62, 15, bold: true, width: 330);
        page.Text(kind, Right, 62, 22, bold: true, align: PdfAlign.Right);
        page.Line(Left, 80, Right, 80, 1);
        page.Text("For", Left, 108, 8, colour: Muted);
        page.Text(who.Name ?? who.ExternalId, Left, 122, 10, bold: true, width: 240);
        page.Text(who.Email ?? "", Left, 136, 10, width: 240);
        for (var i = 0; i < facts.Count; i++)
        {
            page.Text(facts[i].Name, 310, 108 + (i * 28), 8, colour: Muted);
            page.Text(facts[i].Value, 310, 120 + (i * 28), 9.5, width: Right - 310);
        }

        return 222;
    }

    private static void Row(PdfDocument page, ref double y, string text, string amount, bool head = false, bool bold = false, bool line = true)
    {
        if (head)
        {
            page.Box(Left, y - 13, Right - Left, 20, Shade);
        }

        var (size, colour) = head ? (8.5, Muted) : (9.5, 0x101828u);
        page.Text(text, Left + 6, y, size, bold || head, colour, width: 370);
        page.Text(amount, Right - 6, y, size, bold || head, colour, PdfAlign.Right);
        y += 21;
        if (line && !head)
        {
            page.Line(Left, y - 14, Right, y - 14, 0.4);
        }
    }

    private static void NextIfFull(PdfDocument page, IReadOnlyList<string> issuer, ref double y, double needed)
    {
        if (y + needed > Bottom)
        {
            Foot(page, issuer);
            page.NewPage();
            y = 70;
        }
    }

    private static void Foot(PdfDocument page, IReadOnlyList<string> issuer)
    {
        page.Line(Left, Bottom + 18, Right, Bottom + 18);
        page.Text(string.Join(" · ", issuer), Left, Bottom + 32, 7.5, colour: Muted, width: 430);
        page.Text($"Page {page.Pages.ToString(CultureInfo.InvariantCulture)}", Right, Bottom + 32, 7.5, colour: Muted, align: PdfAlign.Right);
    }

    private static string Bought(Order order) => order.Kind == OrderKind.Reserve
        ? "Top-up of the prepaid balance"
        : $"{Show(order.Granted + order.Bonus, Unit.Credit)} credits{(order.Bonus.IsPositive ? $", {Show(order.Bonus, Unit.Credit)} of them as a bonus" : "")}";

    private static string Word(TransferKind kind) => kind switch
    {
        TransferKind.Grant => "Granted",
        TransferKind.TopUp => "Bought",
        TransferKind.Charge => "Used",
        TransferKind.Refund => "Use refunded",
        TransferKind.Adjustment => "Adjusted",
        TransferKind.Expiry => "Expired",
        TransferKind.Overage => "Overage billed",
        TransferKind.Reversal => "Reversed",
        TransferKind.Dispute => "Disputed",
    };

    private static string Show(Amount amount, Unit unit) => unit.IsCurrency ? Money(amount, unit) : amount.Value.ToString("#,0.######", CultureInfo.InvariantCulture);

    private static string Money(Amount amount, Unit unit) => $"{amount.Value.ToString("#,0.00####", CultureInfo.InvariantCulture)} {unit.Code.ToUpperInvariant()}";

    private static string Day(DateTimeOffset at) => at.UtcDateTime.ToString("d MMMM yyyy", CultureInfo.InvariantCulture);
}
