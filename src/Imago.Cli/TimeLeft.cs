namespace Imago.Cli;

/// <summary>
/// How long a piece of work still takes, at its pace since it was first heard of. What had been done before that (by the run that is resumed, by a download that was cut)
/// took none of this time and says nothing of the pace.
/// </summary>
internal sealed class TimeLeft(TimeProvider clock)
{
    private (long Done, long At)? _first;

    /// <summary>The estimate; <see langword="null"/> before anything was done under these eyes.</summary>
    internal TimeSpan? Of(long done, long total)
    {
        var now = clock.GetTimestamp();
        if (_first is not { } first || done < first.Done) _first = first = (done, now);        // a stage that begins anew has a pace of its own
        return done > first.Done ? clock.GetElapsedTime(first.At, now) * ((double)(total - done) / (done - first.Done)) : null;
    }
}
