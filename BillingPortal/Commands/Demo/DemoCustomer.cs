namespace BillingPortal.Commands.Demo;

/// <summary>What one demo customer is there to show.</summary>
internal enum DemoPart
{
    /// <summary>Nothing special: a customer among others.</summary>
    Usual,
    /// <summary>Has almost no credits left.</summary>
    LowBalance,
    /// <summary>The last payment failed; the grace period runs.</summary>
    FailedPayment,
    /// <summary>Came, looked, and never came back.</summary>
    Gone,
    /// <summary>Suspended by staff.</summary>
    Suspended,
}

/// <summary>One customer of the demo.</summary>
/// <param name="ExternalId">The product's id for it.</param>
/// <param name="Plan">Where it stands in the end.</param>
/// <param name="Days">How many days ago it came, at most <see cref="DemoHistory.Days"/>.</param>
/// <param name="Pace">Charges on a usual working day.</param>
internal sealed record DemoCustomer(string ExternalId, string Name, string Email, string Plan, int Days, double Pace, DemoPart Part = DemoPart.Usual)
{
    /// <summary>External id of the account that the one-click customer owns.</summary>
    public const string Ada = "ada";

    /// <summary>Forty customers, the same each time.</summary>
    public static readonly IReadOnlyList<DemoCustomer> All =
    [
        new(Ada, "Ada Lovelace", "ada@demo.test", "standard", 88, 7),
        Company("Aurora Robotics", "enterprise", 90, 14), Company("Blue Heron Press", "standard", 86, 5), Company("Cedar & Finch", "free", 71, 1.2),
        Company("Deltawerk", "pro", 90, 9), Company("Echo Harbor", "standard", 64, 4), Company("Fjordlys", "standard", 82, 5, DemoPart.FailedPayment),
        Company("Gilded Owl Games", "pro", 77, 8), Company("Hazel Street Bakery", "free", 40, 1), Company("Ironwood Legal", "pro", 90, 7),
        Company("Juniper Clinic", "standard", 58, 4), Company("Kestrel Mapping", "enterprise", 84, 12), Company("Lantern Schools", "standard", 73, 5),
        Company("Mistral Sailing", "free", 33, 1.4, DemoPart.LowBalance), Company("Northlight Studio", "standard", 90, 6), Company("Oak & Ember", "free", 62, 0.8, DemoPart.Gone),
        Company("Pinnacle Freight", "pro", 69, 7), Company("Quiet River Yoga", "free", 26, 0.9), Company("Redwood Analytics", "pro", 90, 10),
        Company("Saffron Kitchen", "free", 51, 1.1), Company("Tidewater Insurance", "enterprise", 75, 13), Company("Umber Films", "standard", 47, 4),
        Company("Violet Systems", "standard", 80, 6), Company("Wren Gardens", "free", 18, 1.3), Company("Xylem Biotech", "pro", 66, 8),
        Company("Yarrow Textiles", "free", 37, 0.7), Company("Zephyr Energy", "standard", 90, 5), Company("Alder Creek Farm", "free", 29, 0.9),
        Company("Birch & Bone", "free", 55, 1), Company("Copperline Rail", "standard", 61, 5), Company("Dune Surf School", "free", 12, 1.5),
        Company("Elm Park Council", "standard", 44, 3), Company("Foxglove Pharma", "pro", 81, 7), Company("Granite Works", "standard", 35, 4, DemoPart.Suspended),
        Company("Harvest Moon Travel", "standard", 28, 4), Company("Indigo Ink", "free", 9, 1.6), Company("Jasper Watches", "free", 22, 1, DemoPart.Gone),
        Company("Kingfisher Audio", "standard", 52, 5), Company("Larkspur Homes", "free", 16, 1.2), Company("Meridian Museum", "standard", 70, 4),
    ];

    private static DemoCustomer Company(string name, string plan, int days, double pace, DemoPart part = DemoPart.Usual)
    {
        var id = string.Concat(name.ToLowerInvariant().Replace(" & ", "-", StringComparison.Ordinal).Select(c => c == ' ' ? '-' : c));
        return new(id, name, $"billing@{id}.test", plan, days, pace, part);
    }
}
