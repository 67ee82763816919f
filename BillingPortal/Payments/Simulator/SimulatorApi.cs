using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace BillingPortal.Payments.Simulator;

/// <summary>One request to the simulated API.</summary>
internal sealed record SimulatorCall(SimulatorState State, SimulatorForm Form, string Id, SimulatorAddress Address);

/// <summary>Where people reach the hosted pages.</summary>
internal sealed record SimulatorAddress(string Root);

/// <summary>The front door of the simulated API: keys, parameters, idempotency, errors, expansion. What each path does stands with its resource.</summary>
internal sealed class SimulatorApi(RouteGroupBuilder routes)
{
    public delegate Task<JsonObject> Handler(SimulatorCall call);

    /// <param name="known">Top-level parameters that the path knows.</param>
    public void Get(string path, Handler handle, params string[] known) => On("GET", path, handle, known);
    public void Post(string path, Handler handle, params string[] known) => On("POST", path, handle, known);
    public void Delete(string path, Handler handle, params string[] known) => On("DELETE", path, handle, known);

    private void On(string method, string path, Handler handle, string[] known) =>
        routes.MapMethods(path, [method], (HttpContext http, SimulatorStore store, SimulatorHost host) => AnswerAsync(http, store, host, handle, known))
            .AllowAnonymous().DisableAntiforgery().ExcludeFromDescription();

    private static async Task AnswerAsync(HttpContext http, SimulatorStore store, SimulatorHost host, Handler handle, string[] known)
    {
        http.Response.Headers["Request-Id"] = SimulatorState.NewId("req_");
        http.Response.Headers["Stripe-Version"] = Stripe.StripeVersion.Pinned;
        int status;
        JsonObject body;
        var faults = http.RequestServices.GetRequiredService<SimulatorFaults>();
        var fault = faults.Take(http.Request.Path);
        if (fault is { Fault: SimulatorFault.DropBefore })
        {
            http.Abort();
            return;
        }

        try
        {
            if (SimulatorFaults.AnswerOf(fault?.Fault) is { } failure)
            {
                throw failure;
            }

            RequireKey(http.Request);
            var form = await ReadAsync(http.Request);
            form.AllowOnly([.. known, "limit", "starting_after", "ending_before", "created"]);
            (status, body) = await RunAsync(http, store, host, form, handle);
        }
        catch (SimulatorError refused)
        {
            (status, body) = (refused.Status, refused.Body);
        }

        if (fault is { Fault: SimulatorFault.DropAfter })
        {
            http.Abort();
            return;
        }

        if (fault is { Fault: SimulatorFault.Delay, Delay: var delay })
        {
            await Task.Delay(delay, http.RequestAborted);
        }

        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json";
        await http.Response.WriteAsync(body.ToJsonString(), http.RequestAborted);
    }

    private static async Task<(int, JsonObject)> RunAsync(HttpContext http, SimulatorStore store, SimulatorHost host, SimulatorForm form, Handler handle)
    {
        // Not the request's own token: like Stripe, what was asked for happens whether or not the asker still listens.
        await using var state = await store.OpenAsync(CancellationToken.None);
        var key = http.Request.Method == "POST" ? http.Request.Headers["Idempotency-Key"].ToString() : "";
        var digest = SHA256.HashData(Encoding.UTF8.GetBytes($"{http.Request.Path}\n{string.Join('\n', form.All.Select(p => $"{p.Key}={p.Value}"))}"));
        if (key.Length > 0 && await ReplayAsync(state, key, digest) is { } before)
        {
            http.Response.Headers["Idempotent-Replayed"] = "true";
            return before;
        }

        int status;
        JsonObject body;
        try
        {
            var call = new SimulatorCall(state, form, http.Request.RouteValues["id"] as string ?? "", host.Address);
            body = (await ExpandAsync(state, await handle(call), form.Texts("expand"))).Public();
            status = 200;
        }
        catch (SimulatorError declined) when (declined.KeepsState)
        {
            (status, body) = (declined.Status, declined.Body);
        }

        if (key.Length > 0)
        {
            await using var remember = state.Command(
                "insert into simulator_requests (key, digest, status, body, created_at) values ($1, $2, $3, $4, now())", key, digest, status, body.ToJsonString());
            await remember.ExecuteNonQueryAsync();
        }

        await state.CommitAsync();
        return (status, body);
    }

    /// <summary>A form, the JSON of the second API by the same names, or a query.</summary>
    private static async Task<SimulatorForm> ReadAsync(HttpRequest request)
    {
        if (request.Method == "POST" && request.HasJsonContentType())
        {
            var body = await JsonNode.ParseAsync(request.Body, cancellationToken: request.HttpContext.RequestAborted);
            return new(Stripe.StripeJson.ToForm(body).Select(p => KeyValuePair.Create(p.Key, new Microsoft.Extensions.Primitives.StringValues(p.Value))));
        }

        return new(request.Method == "POST" && request.HasFormContentType ? await request.ReadFormAsync(request.HttpContext.RequestAborted) : request.Query);
    }

    private static void RequireKey(HttpRequest request)
    {
        var given = request.Headers.Authorization.ToString();
        var basic = new byte[given.Length];
        var key = given.StartsWith("Bearer ", StringComparison.Ordinal) ? given[7..]
            : given.StartsWith("Basic ", StringComparison.Ordinal) && Convert.TryFromBase64String(given[6..], basic, out var length) ? Encoding.UTF8.GetString(basic, 0, length).Split(':')[0]
            : "";
        if (!key.StartsWith("sk_test_", StringComparison.Ordinal) && !key.StartsWith("rk_test_", StringComparison.Ordinal))
        {
            throw SimulatorError.Invalid(null, "Invalid API Key provided.", null, 401);
        }
    }

    private static async Task<(int, JsonObject)?> ReplayAsync(SimulatorState state, string key, byte[] digest)
    {
        await using var command = state.Command("select digest, status, body from simulator_requests where key = $1", key);
        await using var row = await command.ExecuteReaderAsync();
        if (!await row.ReadAsync())
        {
            return null;
        }

        if (!row.GetFieldValue<byte[]>(0).AsSpan().SequenceEqual(digest))
        {
            throw SimulatorError.Invalid(null, "Keys for idempotent requests can only be used with the same parameters they were first used with.", null, 400, "idempotency_error");
        }

        return (row.GetInt32(1), JsonNode.Parse(row.GetString(2))!.AsObject());
    }

    /// <summary>Replaces ids by their objects along <c>expand</c> paths; includes what is only answered on demand.</summary>
    private static async Task<JsonObject> ExpandAsync(SimulatorState state, JsonObject answer, IEnumerable<string> paths)
    {
        var copy = answer.DeepClone().AsObject();
        foreach (var path in paths)
        {
            await WalkAsync(state, copy, path.Split('.'));
        }

        return copy;
    }

    private static async Task WalkAsync(SimulatorState state, JsonNode? at, ReadOnlyMemory<string> path)
    {
        if (at is JsonArray all)
        {
            foreach (var item in all)
            {
                await WalkAsync(state, item, path);
            }

            return;
        }

        if (at is not JsonObject o || path.IsEmpty)
        {
            return;
        }

        var name = path.Span[0];
        if (!o.ContainsKey(name) && o["_" + name] is { } onDemand)
        {
            o[name] = onDemand.DeepClone();
        }
        else if (o.Text(name) is { } id && await state.FindAsync(null, id) is { } found)
        {
            o[name] = found;
        }

        await WalkAsync(state, o[name], path[1..]);
    }

    /// <summary>One page, newest first.</summary>
    public static JsonObject Page(SimulatorCall call, IEnumerable<JsonObject> all, string url)
    {
        var limit = call.Form.Integer("limit") ?? 10;
        if (limit is < 1 or > 100)
        {
            throw SimulatorError.Invalid("parameter_invalid_integer", "limit is 1 to 100", "limit");
        }

        var from = call.Form.Integer("created[gte]") ?? long.MinValue;
        var until = call.Form.Integer("created[lt]") ?? long.MaxValue;
        var matching = all.Where(o => o.Number("created") >= from && o.Number("created") < until).ToList();
        if (call.Form.Text("starting_after") is { } after)
        {
            matching = [.. matching.SkipWhile(o => o.Text("id") != after).Skip(1)];
        }

        return JsonFields.ListOf(matching.Take((int)limit).Select(o => o.DeepClone().AsObject()), url, matching.Count > limit);
    }
}
