using System.Text;
using BillingPortal.Primitives;

namespace BillingPortal.Catalog;

/// <summary>A catalog file on disk.</summary>
internal static class CatalogFile
{
    /// <summary>Setting that names the file imported at first start.</summary>
    public const string Setting = "Catalog:File";

    public const int MaxBytes = 4 * 1024 * 1024;

    /// <summary>The file that the setting names; in Development the demo catalog where it names none; else null.</summary>
    public static string? Configured(IConfiguration configuration, IHostEnvironment environment) =>
        configuration[Setting] is { Length: > 0 } path ? path : environment.IsDevelopment() ? "catalogs/demo.json" : null;

    /// <summary>Reads a file; a relative path is looked for in the working folder, then beside the program.</summary>
    /// <returns>The catalog, or a refusal whose errors carry the place of each wrong value.</returns>
    public static async Task<Result<CatalogDocument>> ReadAsync(string path, CancellationToken ct) =>
        await BytesAsync(path, ct) switch
        {
            ({ } bytes, _) => Proposal(CatalogJson.Read(bytes)),
            (_, var refusal) => refusal!,
        };

    /// <summary>Reads a price list.</summary>
    /// <returns>What makes the next catalog of the one in force; it refuses with the place of each wrong value.</returns>
    public static async Task<Func<CatalogInForce?, Result<CatalogDocument>>> ReadPriceListAsync(string path, CancellationToken ct)
    {
        var (bytes, refusal) = await BytesAsync(path, ct);
        if (bytes is null)
        {
            return _ => refusal!;
        }

        var (list, errors) = CatalogJson.ReadPriceList(bytes);
        return before => list is null ? Refuse("The price list", errors)
            : before is null ? new Refusal(ErrorCode.Conflict, "There is no catalog yet that the prices could go into. Nothing was imported.")
            : list.ApplyTo(before.Document).TryGet(out var catalog, out var refused) ? Proposal(CatalogJson.Read(Encoding.UTF8.GetBytes(CatalogJson.Write(catalog)))) : refused;
    }

    private static async Task<(byte[]? Bytes, Refusal? Refusal)> BytesAsync(string path, CancellationToken ct)
    {
        var found = new[] { Path.GetFullPath(path), Path.Combine(AppContext.BaseDirectory, path) }.FirstOrDefault(File.Exists);
        if (found is null)
        {
            return (null, new(ErrorCode.NotFound, $"There is no file {Path.GetFullPath(path)}. Nothing was imported."));
        }

        return new FileInfo(found).Length > MaxBytes
            ? (null, new(ErrorCode.TooLarge, $"{path} has more than 4 MB, which no catalog needs. Nothing was imported."))
            : (await File.ReadAllBytesAsync(found, ct), null);
    }

    /// <summary>What was read, as a proposal: each error under its place.</summary>
    public static Result<CatalogDocument> Proposal(CatalogReading reading) => reading.Match<Result<CatalogDocument>>(
        catalog => catalog,
        errors => Refuse("The catalog", errors));

    private static Refusal Refuse(string what, IReadOnlyList<CatalogError> errors) =>
        new(ErrorCode.InvalidRequest, $"{what} has {errors.Count} {(errors.Count == 1 ? "error" : "errors")}; the first: {errors[0]}. Nothing was imported.")
        {
            Errors = errors.GroupBy(e => e.Path).ToDictionary(e => e.Key, e => e.Select(error => error.Message).ToArray()),
        };
}
