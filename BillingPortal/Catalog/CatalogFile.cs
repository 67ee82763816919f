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
    public static async Task<CatalogProposal> ReadAsync(string path, CancellationToken ct)
    {
        var found = new[] { Path.GetFullPath(path), Path.Combine(AppContext.BaseDirectory, path) }.FirstOrDefault(File.Exists);
        if (found is null)
        {
            return new Refusal(ErrorCode.NotFound, $"There is no file {Path.GetFullPath(path)}. Nothing was imported.");
        }

        if (new FileInfo(found).Length > MaxBytes)
        {
            return new Refusal(ErrorCode.TooLarge, $"{path} has more than 4 MB, which no catalog needs. Nothing was imported.");
        }

        return Proposal(CatalogJson.Read(await File.ReadAllBytesAsync(found, ct)));
    }

    /// <summary>What was read, as a proposal: each error under its place.</summary>
    public static CatalogProposal Proposal(CatalogReading reading) => reading.Match<CatalogProposal>(
        catalog => catalog,
        errors => new Refusal(ErrorCode.InvalidRequest, $"The catalog has {errors.Count} {(errors.Count == 1 ? "error" : "errors")}; the first: {errors[0]}. Nothing was imported.")
        {
            Errors = errors.GroupBy(e => e.Path).ToDictionary(e => e.Key, e => e.Select(error => error.Message).ToArray()),
        });
}
