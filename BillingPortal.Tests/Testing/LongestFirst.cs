using BillingPortal.Tests.Access;
using BillingPortal.Tests.Browser;
using BillingPortal.Tests.Clients;
using BillingPortal.Tests.Data;
using BillingPortal.Tests.Gating;
using BillingPortal.Tests.Ledger;
using BillingPortal.Tests.Purchases;
using BillingPortal.Tests.Subscriptions;
using BillingPortal.Tests.Testing;
using BillingPortal.Tests.Usage;
using Xunit.Abstractions;

// Three at a time on two cores: the long classes wait for clocks, kills and browsers as much as they compute.
[assembly: CollectionBehavior(MaxParallelThreads = 3)]
[assembly: TestCollectionOrderer("BillingPortal.Tests.Testing.LongestFirst", "BillingPortal.Tests")]

namespace BillingPortal.Tests.Testing;

/// <summary>The classes that take longest begin first, so that a run does not end with one of them alone; the others follow in the order of their names.</summary>
public sealed class LongestFirst : ITestCollectionOrderer
{
    private static readonly Type[] Longest =
    [
        typeof(SeveralInstancesTests), typeof(UsageCrashTests), typeof(LooksTests), typeof(NegativeControlTests), typeof(RandomOrderTests), typeof(PowerCuts), typeof(SubmissionTests),
        typeof(HostileInputTests), typeof(LargeLedgerTests), typeof(GrownLedgerTests), typeof(NaiveModelTests), typeof(SubscriberStoryTests), typeof(StoryTests),
        typeof(AutoTopUpTests), typeof(ClientTests), typeof(DatabaseTroubleTests), typeof(SubscriptionTests),
    ];

    public IEnumerable<ITestCollection> OrderTestCollections(IEnumerable<ITestCollection> testCollections) =>
        testCollections.OrderBy(PlaceOf).ThenBy(c => c.DisplayName, StringComparer.Ordinal);

    private static int PlaceOf(ITestCollection collection)
    {
        var place = Array.FindIndex(Longest, type => collection.DisplayName == type.Name || collection.DisplayName.EndsWith(' ' + type.FullName!, StringComparison.Ordinal));
        return place < 0 ? Longest.Length : place;
    }
}
