using System.Net;

namespace Imago.Data;

/// <summary>How a fetch goes on when the network fails for a moment: again after a pause, doubled each time, until it has failed too often with nothing gained in between.</summary>
internal sealed record Retries
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(2);

    /// <summary>Failures in a row after which it is given up.</summary>
    internal int Attempts { get; init; } = 5;

    /// <summary>The first pause.</summary>
    internal TimeSpan Pause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a host may send nothing.</summary>
    internal TimeSpan Silence { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How a pause is waited for.</summary>
    internal Func<TimeSpan, CancellationToken, Task> Wait { get; init; } = Task.Delay;

    /// <summary>Makes attempts until one ends without a failure of the network.</summary>
    /// <param name="attempt">One attempt.</param>
    /// <param name="gained">What earlier attempts have gained, in any unit: when it grows, the count of failures begins again.</param>
    /// <param name="cancellation">Stops it.</param>
    /// <exception cref="HttpRequestException">The host refused, or the last attempt failed; the message says how often.</exception>
    internal async Task<T> RunAsync<T>(Func<Task<T>> attempt, Func<long> gained, CancellationToken cancellation)
    {
        for (var failures = 0; ;)
        {
            var before = gained();
            try
            {
                return await attempt().ConfigureAwait(false);
            }
            catch (Exception e) when (IsMomentary(e, cancellation))
            {
                failures = gained() > before ? 1 : failures + 1;
                if (failures >= Attempts)
                    throw new HttpRequestException($"failed {Attempts} times, at last with: {(e is OperationCanceledException ? $"nothing came for {Silence.TotalSeconds:0} s" : e.Message)}", e, (e as HttpRequestException)?.StatusCode);
                await Wait(PauseAfter(failures, e as BusyException), cancellation).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Throws what <see cref="RunAsync"/> goes on from if the host is only busy (408, 429, 5xx).</summary>
    internal static void ThrowIfBusy(HttpResponseMessage response)
    {
        if (!IsBusy(response.StatusCode)) return;
        var after = response.Headers.RetryAfter;
        throw new BusyException(response.StatusCode, after?.Delta ?? after?.Date - DateTimeOffset.UtcNow);
    }

    private static bool IsBusy(HttpStatusCode status) => status is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError;

    private static bool IsMomentary(Exception e, CancellationToken cancellation) => e switch
    {
        HttpRequestException { StatusCode: { } status } => IsBusy(status),
        HttpRequestException or IOException => true,
        OperationCanceledException => !cancellation.IsCancellationRequested,
        _ => false,
    };

    private TimeSpan PauseAfter(int failures, BusyException? busy)
    {
        var own = Pause * (1 << Math.Min(failures - 1, 16));
        var wished = busy?.After ?? TimeSpan.Zero;
        return Min(LongestPause, own > wished ? own : wished);
    }

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;

    private sealed class BusyException(HttpStatusCode status, TimeSpan? after) : HttpRequestException($"the host answered {(int)status} {status}", null, status)
    {
        /// <summary>The pause that the host asks for.</summary>
        internal TimeSpan? After => after;
    }
}
