namespace BillingPortal.Identity;

/// <summary>Who can sign in with one click in Development. Outside of it none of this exists.</summary>
public static class DemoPeople
{
    public const string StaffEmail = "admin@demo.test";
    public const string CustomerEmail = "ada@demo.test";
    /// <summary>External id of the account that Ada owns.</summary>
    public const string CustomerAccount = "ada";
    /// <summary>Has every scope; made in Development only, where nothing is at stake.</summary>
    public const string ApiKey = "bp_test_DemoKeyForDevelopmentOnly00000000";

    public static bool AreWelcome(IHostEnvironment environment, IConfiguration configuration) =>
        environment.IsDevelopment() && configuration.GetValue("Demo:Enabled", true);
}
