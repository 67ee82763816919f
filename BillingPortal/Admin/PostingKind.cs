namespace BillingPortal.Admin;

/// <summary>What staff may post by hand.</summary>
public enum PostingKind { Grant, Adjustment }
