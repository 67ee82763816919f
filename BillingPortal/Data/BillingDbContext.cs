using System.Text;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;

namespace BillingPortal.Data;

/// <summary>One plain context without sets: each slice owns its tables through an <see cref="IEntityTypeConfiguration{TEntity}"/> and asks for <c>db.Set&lt;T&gt;()</c>.</summary>
public class BillingDbContext(DbContextOptions<BillingDbContext> options) : DbContext(options)
{
    /// <summary>What every context of the application shares; where it connects is added to it.</summary>
    internal static DbContextOptionsBuilder<BillingDbContext> Shared(IServiceProvider services) => new DbContextOptionsBuilder<BillingDbContext>()
        .UseApplicationServiceProvider(services);

    protected override void ConfigureConventions(ModelConfigurationBuilder configurationBuilder)
    {
        configurationBuilder.Properties<AccountId>().HaveConversion<AccountIdConverter>();
        configurationBuilder.Properties<GrantId>().HaveConversion<GrantIdConverter>();
        configurationBuilder.Properties<TransferId>().HaveConversion<TransferIdConverter>();
        configurationBuilder.Properties<Amount>().HaveConversion<AmountConverter>().HavePrecision(20, Amount.Scale);
        configurationBuilder.Properties<Unit>().HaveConversion<UnitConverter>().HaveMaxLength(40);
        configurationBuilder.Properties<decimal>().HavePrecision(20, Amount.Scale);
    }

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.ApplyConfigurationsFromAssembly(typeof(BillingDbContext).Assembly);
        UseSnakeCase(modelBuilder);
    }

    private static void UseSnakeCase(ModelBuilder modelBuilder)
    {
        foreach (var entity in modelBuilder.Model.GetEntityTypes())
        {
            entity.SetTableName(Snake(entity.GetTableName()!));
            foreach (var property in entity.GetProperties())
            {
                property.SetColumnName(Snake(property.GetColumnName()));
            }

            foreach (var key in entity.GetKeys())
            {
                key.SetName(Snake(key.GetName()!));
            }

            foreach (var index in entity.GetIndexes())
            {
                index.SetDatabaseName(Snake(index.GetDatabaseName()!));
            }

            foreach (var foreignKey in entity.GetForeignKeys())
            {
                foreignKey.SetConstraintName(Snake(foreignKey.GetConstraintName()!));
            }
        }
    }

    private static string Snake(string name)
    {
        var text = new StringBuilder(name.Length + 8);
        for (var i = 0; i < name.Length; i++)
        {
            if (char.IsUpper(name[i]) && i > 0 && name[i - 1] != '_' && (!char.IsUpper(name[i - 1]) || (i + 1 < name.Length && char.IsLower(name[i + 1]))))
            {
                text.Append('_');
            }

            text.Append(char.ToLowerInvariant(name[i]));
        }

        return text.ToString();
    }

    private sealed class AccountIdConverter() : ValueConverter<AccountId, Guid>(id => id.Value, value => new AccountId(value));
    private sealed class GrantIdConverter() : ValueConverter<GrantId, Guid>(id => id.Value, value => new GrantId(value));
    private sealed class TransferIdConverter() : ValueConverter<TransferId, Guid>(id => id.Value, value => new TransferId(value));
    private sealed class AmountConverter() : ValueConverter<Amount, decimal>(amount => amount.Value, value => Amount.Of(value));
    private sealed class UnitConverter() : ValueConverter<Unit, string>(unit => unit.Code, code => Unit.Of(code));
}
