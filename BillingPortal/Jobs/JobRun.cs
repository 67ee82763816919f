using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Jobs;

/// <summary>How a job last went, whichever instance ran it.</summary>
public sealed class JobRun
{
    public required string Name { get; init; }
    public DateTimeOffset StartedAt { get; init; }
    public DateTimeOffset FinishedAt { get; init; }
    /// <summary>Null: it went well.</summary>
    public string? Error { get; init; }
    public long Runs { get; init; }
    public long Failures { get; init; }

    internal sealed class Table : IEntityTypeConfiguration<JobRun>
    {
        public void Configure(EntityTypeBuilder<JobRun> builder)
        {
            builder.ToTable("job_runs");
            builder.HasKey(r => r.Name);
            builder.Property(r => r.Name).HasMaxLength(60);
            builder.Property(r => r.Error).HasMaxLength(500);
        }
    }
}
