using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Mvc;

namespace BillingPortal.Payments.Simulator;

/// <summary>What can go wrong between a caller and Stripe.</summary>
internal enum SimulatorFault
{
    /// <summary>The connection breaks before anything was done.</summary>
    DropBefore,
    /// <summary>It is done, and the connection breaks before the answer.</summary>
    DropAfter,
    /// <summary>The answer takes its time.</summary>
    Delay,
    /// <summary>429: too many requests; nothing is done.</summary>
    TooMany,
    /// <summary>500; nothing is done.</summary>
    Broken,
}

/// <summary>Faults on demand: each takes hold of the next requests to a path, as often as was asked for. In memory: a restart makes all well.</summary>
internal sealed class SimulatorFaults
{
    private const string Path = "/faults";
    private readonly Lock change = new();
    private readonly List<Pending> pending = [];

    private sealed record Pending(SimulatorFault Fault, string Path, int Times, TimeSpan Delay);

    public static void Map(RouteGroupBuilder routes)
    {
        routes.MapGet(Path, (HttpContext http, SimulatorFaults faults) => faults.Show(http)).AllowAnonymous().ExcludeFromDescription();
        routes.MapPost(Path, ([FromForm] string fault, [FromForm] string? path, [FromForm] int? times, [FromForm] int? milliseconds, HttpContext http, SimulatorFaults faults) => faults.Ask(http, fault, path, times ?? 1, milliseconds ?? 1_000))
            .AllowAnonymous().DisableAntiforgery().ExcludeFromDescription();
        routes.MapPost($"{Path}/clear", (HttpContext http, SimulatorFaults faults) => faults.Clear(http)).AllowAnonymous().DisableAntiforgery().ExcludeFromDescription();
    }

    /// <summary>The fault that is due for a request, counted off; null: none.</summary>
    public (SimulatorFault Fault, TimeSpan Delay)? Take(string path)
    {
        lock (change)
        {
            var at = pending.FindIndex(p => path.Contains(p.Path, StringComparison.Ordinal));
            if (at < 0)
            {
                return null;
            }

            var found = pending[at];
            if (found.Times > 1)
            {
                pending[at] = found with { Times = found.Times - 1 };
            }
            else
            {
                pending.RemoveAt(at);
            }

            return (found.Fault, found.Delay);
        }
    }

    /// <summary>What a fault answers by itself; null: the request goes on.</summary>
    public static SimulatorError? AnswerOf(SimulatorFault? fault) => fault switch
    {
        SimulatorFault.TooMany => SimulatorError.Invalid("rate_limit", "Too many requests hit the API too quickly.", null, 429),
        SimulatorFault.Broken => SimulatorError.Invalid(null, "An unknown error occurred.", null, 500, "api_error"),
        _ => null,
    };

    private IResult Ask(HttpContext http, string name, string? path, int times, int milliseconds)
    {
        SimulatorFault? fault = name switch { "drop_before" => SimulatorFault.DropBefore, "drop_after" => SimulatorFault.DropAfter, "delay" => SimulatorFault.Delay, "429" => SimulatorFault.TooMany, "500" => SimulatorFault.Broken, _ => null };
        if (fault is not { } wanted || times is < 1 or > 100_000 || milliseconds is < 0 or > 120_000 || path is { Length: > 200 })
        {
            return Results.Json(SimulatorError.Invalid(null, "fault is drop_before, drop_after, delay, 429 or 500; times 1 to 100000; milliseconds 0 to 120000.", "fault").Body, statusCode: 400);
        }

        lock (change)
        {
            pending.Add(new(wanted, path ?? "", times, TimeSpan.FromMilliseconds(milliseconds)));
        }

        return Show(http);
    }

    private IResult Clear(HttpContext http)
    {
        lock (change)
        {
            pending.Clear();
        }

        return Show(http);
    }

    /// <summary>For people a page, for programs the list.</summary>
    private IResult Show(HttpContext http)
    {
        List<Pending> all;
        lock (change)
        {
            all = [.. pending];
        }

        if (!http.Request.Headers.Accept.ToString().Contains("text/html", StringComparison.Ordinal))
        {
            return Results.Json(new JsonArray([.. all.Select(p => new JsonObject { ["fault"] = p.Fault.ToString(), ["path"] = p.Path, ["times"] = p.Times })]));
        }

        var rows = string.Concat(all.Select(p => $"<tr><td>{p.Fault}</td><td><code>{SimulatorPage.E(p.Path.Length == 0 ? "any" : p.Path)}</code></td><td class=\"number\">{p.Times}</td></tr>"));
        var action = $"{http.Request.PathBase}{SimulatorSlice.Path}{Path}";
        return SimulatorPage.Show(http, "Faults",
            $"""
            <div class="two">
              <form class="card" method="post" action="{action}">
                <h1>Let something go wrong</h1>
                <label for="fault">Fault</label><input id="fault" name="fault" list="faults" required value="drop_after">
                <datalist id="faults"><option value="drop_before"><option value="drop_after"><option value="delay"><option value="429"><option value="500"></datalist>
                <label for="path">Path, or a part of it; empty: any</label><input id="path" name="path" maxlength="200" placeholder="/v1/checkout/sessions">
                <div class="pair"><div><label for="times">Times</label><input id="times" name="times" type="number" min="1" value="1"></div><div><label for="milliseconds">Delay in ms</label><input id="milliseconds" name="milliseconds" type="number" min="0" value="1000"></div></div>
                <button class="wide">Ask for it</button>
              </form>
              <div class="card">
                <h2>Waiting</h2>
                <table><thead><tr><th>Fault</th><th>Path</th><th class="number">Times</th></tr></thead><tbody>{rows}</tbody></table>
                <form method="post" action="{action}/clear"><div class="actions"><button class="quiet">All well again</button></div></form>
              </div>
            </div>
            """);
    }
}
