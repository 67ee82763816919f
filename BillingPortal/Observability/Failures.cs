using System.Net.Sockets;
using System.Text.Json;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Diagnostics;
using Npgsql;

namespace BillingPortal.Observability;

/// <summary>What an exception becomes for the caller: their mistake a 4xx, an unreachable database a 503, all else a 500 that says nothing of the inside.</summary>
internal sealed partial class Failures(ILogger<Failures> log) : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        if (httpContext.RequestAborted.IsCancellationRequested || exception is ConnectionResetException or ConnectionAbortedException)
        {
            // Whoever asked is gone: nobody to answer, and nothing to mend here.
            httpContext.Response.StatusCode = StatusCodes.Status499ClientClosedRequest;
            return true;
        }

        var refusal = ToRefusal(exception);
        if (refusal.Code.Status == StatusCodes.Status500InternalServerError)
        {
            LogBug(exception, httpContext.TraceIdentifier);
        }
        else if (refusal.Code.Status == StatusCodes.Status503ServiceUnavailable)
        {
            LogUnavailable(exception.GetBaseException().Message, httpContext.TraceIdentifier);
        }

        try
        {
            await (Surface.IsPage(httpContext) ? FailurePage.WriteAsync(httpContext, refusal) : httpContext.WriteProblemAsync(refusal));
        }
        catch (OperationCanceledException) when (httpContext.RequestAborted.IsCancellationRequested)
        {
            // They left before the answer.
        }

        return true;
    }

    internal static Refusal ToRefusal(Exception exception) => exception switch
    {
        // The reading of the body says it this way; JSON that fails anywhere else is ours, such as what we stored.
        BadHttpRequestException { StatusCode: StatusCodes.Status400BadRequest, InnerException: JsonException json } => Malformed(json),
        BadHttpRequestException bad => Problems.ForStatus(bad.StatusCode) is { } refusal && bad.StatusCode != StatusCodes.Status400BadRequest
            ? refusal : new(ErrorCode.InvalidRequest, $"{Sentence(bad.Message)} Nothing was changed."),
        _ when IsUnstorableText(exception) => new(ErrorCode.InvalidRequest, "A text holds a character that cannot be stored, such as NUL. Nothing was changed."),
        _ when IsUnreachable(exception) => Problems.ForStatus(StatusCodes.Status503ServiceUnavailable)!,
        _ => new(ErrorCode.Internal, "Something went wrong on our side. Quote the request id when you report it; trying again with the same Idempotency-Key is safe."),
    };

    private static Refusal Malformed(JsonException json)
    {
        var field = json.Path is { Length: > 2 } path && path.StartsWith("$.", StringComparison.Ordinal) ? path[2..] : null;
        var detail = field is null ? "The body is no valid JSON, or not an object of the expected shape. Nothing was changed." : $"The value of '{field}' is not usable. Nothing was changed.";
        return field is null ? new(ErrorCode.InvalidRequest, detail) : Refusal.Invalid(field, detail);
    }

    // The framework's messages name parameters and their .NET types; the name is for the caller, the type is not.
    private static string Sentence(string message)
    {
        var first = message.Split('"') is [_, var parameter, ..] ? parameter.Split(' ')[^1] : null;
        return message.StartsWith("Failed to bind parameter", StringComparison.Ordinal) && first is not null ? $"The value of '{first}' is not usable."
            : message.StartsWith("Required parameter", StringComparison.Ordinal) && first is not null ? $"'{first}' is missing."
            : "The request could not be read.";
    }

    private static bool IsUnstorableText(Exception exception) =>
        Causes(exception).Any(e => e is PostgresException { SqlState: PostgresErrorCodes.CharacterNotInRepertoire or PostgresErrorCodes.UntranslatableCharacter });

    private static bool IsUnreachable(Exception exception) => Causes(exception).Any(e =>
        e is PostgresException p ? p.SqlState.StartsWith("08", StringComparison.Ordinal) || p.SqlState.StartsWith("53", StringComparison.Ordinal)
            || p.SqlState.StartsWith("57", StringComparison.Ordinal) || p.SqlState is PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected
        : e is NpgsqlException || e is SocketException || (e is TimeoutException && e.Source == "Npgsql"));

    private static IEnumerable<Exception> Causes(Exception exception)
    {
        for (var e = exception; e is not null; e = e.InnerException)
        {
            yield return e;
        }
    }

    [LoggerMessage(1051, LogLevel.Error, "Unhandled exception in request {RequestId}")]
    private partial void LogBug(Exception exception, string requestId);

    [LoggerMessage(1052, LogLevel.Warning, "Database unavailable in request {RequestId}: {Reason}")]
    private partial void LogUnavailable(string reason, string requestId);
}
