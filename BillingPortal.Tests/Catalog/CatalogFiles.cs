using BillingPortal.Catalog;

namespace BillingPortal.Tests.Catalog;

/// <summary>The catalog files of the repository.</summary>
internal static class CatalogFiles
{
    public static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "catalogs");

    public static IEnumerable<string> Names => Directory.GetFiles(Folder, "*.json").Select(f => Path.GetFileNameWithoutExtension(f)!).Where(n => n is not ("schema" or "price-list")).Order();

    public static string PathOf(string name) => Path.Combine(Folder, name + ".json");

    public static byte[] Bytes(string name) => File.ReadAllBytes(PathOf(name));

    public static CatalogDocument Read(string name) =>
        CatalogJson.Read(Bytes(name)).Match(catalog => catalog, errors => throw new InvalidOperationException($"{name}: {string.Join("\n", errors)}"));
}
