namespace BillingPortal.Rating;

internal static class RatingSlice
{
    public static WebApplicationBuilder AddRating(this WebApplicationBuilder builder) => builder;
}
