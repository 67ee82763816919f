using BillingPortal.Tests.Gating;
using BillingPortal.Tests.Payments;

namespace BillingPortal.Tests.Testing;

// A portal takes seconds to start. Classes whose tests keep to accounts of their own, and leave clock, catalog and settings as they are, share one and run one after another:
// [Collection(nameof(SharedPortal))]. All others start their own, as IClassFixture.

[CollectionDefinition(nameof(SharedPortal))]
public sealed class SharedPortal : ICollectionFixture<PortalFixture>;

[CollectionDefinition(nameof(SharedAgentCredits))]
public sealed class SharedAgentCredits : ICollectionFixture<AgentCreditsPortal>;

[CollectionDefinition(nameof(SharedMeteredPlans))]
public sealed class SharedMeteredPlans : ICollectionFixture<MeteredPlansPortal>;

[CollectionDefinition(nameof(SharedPrepaidReserve))]
public sealed class SharedPrepaidReserve : ICollectionFixture<PrepaidReservePortal>;

[CollectionDefinition(nameof(SharedStripe))]
public sealed class SharedStripe : ICollectionFixture<StripeFixture>;
