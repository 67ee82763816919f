using BillingPortal.Data;
using BillingPortal.Tests.Testing;

namespace BillingPortal.Tests;

/// <summary>The floors of the house: a room uses only rooms on lower floors, never a sibling, never upward.</summary>
public class ArchitectureTests
{
    private static readonly Dictionary<string, int> Floors = new()
    {
        ["Primitives"] = 0,
        ["Data"] = 1, ["Observability"] = 1, ["Access"] = 1, ["Pdf"] = 1,
        ["Jobs"] = 2, ["Audit"] = 2,
        ["Outbox"] = 3,
        ["Accounts"] = 4, ["Catalog"] = 4,
        ["Identity"] = 5, ["Payments"] = 5, ["Rating"] = 5,
        ["Ledger"] = 6,
        ["Subscriptions"] = 7,
        ["Purchases"] = 8, ["Charging"] = 8,
        ["Invoices"] = 9, ["Usage"] = 9,
        ["Gating"] = 10, ["Analytics"] = 10, ["Reconciliation"] = 10,
        ["Exports"] = 11,
        ["Components"] = 12, ["Commands"] = 12,
        ["Portal"] = 13, ["Admin"] = 13, ["SignIn"] = 13, ["Api"] = 13,
    };

    private static string? RoomOf(Type type) =>
        type.Assembly == typeof(BillingDbContext).Assembly && type.Namespace is { } space && space.StartsWith("BillingPortal.", StringComparison.Ordinal) ? space.Split('.')[1] : null;

    private static IEnumerable<(string Room, Type Type)> Inhabitants() =>
        from type in typeof(BillingDbContext).Assembly.GetTypes() let room = RoomOf(type) where room is not null select (room, type);

    [Fact]
    public void Every_room_has_a_floor() => Assert.All(Inhabitants().Select(i => i.Room).Distinct(), room => Assert.Contains(room, Floors.Keys));

    [Fact]
    public void A_room_uses_only_rooms_on_lower_floors()
    {
        var wrong =
            from inhabitant in Inhabitants()
            from used in References.Of(inhabitant.Type)
            let room = RoomOf(used)
            where room is not null && room != inhabitant.Room && Floors[room] >= Floors[inhabitant.Room]
            select $"{inhabitant.Type.FullName} ({inhabitant.Room}, floor {Floors[inhabitant.Room]}) uses {used.FullName} ({room}, floor {Floors[room]})";
        Assert.Empty(wrong.Distinct().Order());
    }

    [Fact]
    public void The_map_fits_on_a_screen() => Assert.True(File.ReadLines(Repository.Path("BillingPortal/Program.cs")).Count() < 60);

    [Fact]
    public void No_room_is_named_after_a_technique() =>
        Assert.DoesNotContain(Directory.EnumerateDirectories(Repository.Path("BillingPortal"), "*", SearchOption.AllDirectories), d =>
            Path.GetFileName(d) is "Services" or "Models" or "Helpers" or "Common" or "Utils"
            && !d.Contains("/bin/", StringComparison.Ordinal) && !d.Contains("/obj/", StringComparison.Ordinal));
}
