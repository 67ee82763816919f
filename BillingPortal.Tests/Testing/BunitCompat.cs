using System.Runtime.CompilerServices;
using System.Runtime.Loader;
namespace BillingPortal.Tests.Testing;
static class BunitCompat
{
    [ModuleInitializer] internal static void Init() => AssemblyLoadContext.Default.Resolving += (c, n) =>
        n.Name == "AngleSharp.Diffing" ? c.LoadFromAssemblyPath(Path.Combine(AppContext.BaseDirectory, "AngleSharp.Diffing.dll")) : null;
}
