namespace BillingPortal.Observability;

/// <summary>Where in the pipeline a slice's own middleware stands, in this order.</summary>
public enum PipelineStage
{
    /// <summary>Before the route is chosen: forwarded headers, path base, security headers.</summary>
    Edge,
    /// <summary>Who is asking: after routing and authentication, before authorization; the endpoint's metadata is known, the body is not read.</summary>
    Credentials,
    /// <summary>After authorization: rate limits and the like.</summary>
    Limits,
}

/// <summary>A slice's part of the pipeline: <c>services.AddSingleton(new PipelineStep(PipelineStage.Credentials, app => app.UseMiddleware&lt;X&gt;()))</c>.</summary>
public sealed record PipelineStep(PipelineStage Stage, Action<IApplicationBuilder> Use);
