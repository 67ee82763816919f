using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Identity.Users;

/// <summary>One sign-in of one browser. A cookie is worth what its session is worth: ended here, it is dead everywhere within 60 seconds, open circuits included.</summary>
public sealed class Session
{
    public Guid Id { get; init; }
    /// <summary>Null for somebody who came through a portal link.</summary>
    public Guid? UserId { get; init; }
    public Guid? PortalLinkId { get; init; }
    public DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset ExpiresAt { get; init; }
    public DateTimeOffset? EndedAt { get; set; }

    internal sealed class Table : IEntityTypeConfiguration<Session>
    {
        public void Configure(EntityTypeBuilder<Session> builder)
        {
            builder.ToTable("sessions");
            builder.HasKey(s => s.Id);
            builder.HasIndex(s => s.UserId);
        }
    }
}
