using BillingPortal.Access;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Accounts;

/// <summary>A person in an account.</summary>
public sealed class Member
{
    public AccountId AccountId { get; init; }
    public Guid UserId { get; init; }
    public MemberRole Role { get; set; }
    public DateTimeOffset CreatedAt { get; init; }

    internal sealed class Table : IEntityTypeConfiguration<Member>
    {
        public void Configure(EntityTypeBuilder<Member> builder)
        {
            builder.ToTable("members");
            builder.HasKey(m => new { m.AccountId, m.UserId });
            builder.HasIndex(m => m.UserId);
            builder.Property(m => m.Role).HasConversion<string>().HasMaxLength(20);
            builder.HasOne<Account>().WithMany().HasForeignKey(m => m.AccountId);
        }
    }
}
