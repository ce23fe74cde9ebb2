using Imago.Cli;

namespace Imago.Tests;

public sealed class ProgressSinkTests
{
    private readonly Clock _clock = new();
    private readonly StringWriter _error = new();

    [Theory]
    [InlineData(0, "Training: 100 of 10000, 0:16:30 left")]
    [InlineData(5000, "Training: 5100 of 10000, 0:08:10 left")]
    public void TimeLeft_IsThatOfThePaceNow_WhateverWasDoneBefore(long before, string line)
    {
        var sink = ProgressSink.ToLines("Training", _error, _clock);
        for (var step = before; step <= before + 100; step++)
        {
            sink.Report(step, 10_000);
            _clock.Seconds += 0.1;
        }
        Assert.Equal(line, _error.ToString().Trim());
    }

    [Fact]
    public void TimeLeft_OfAStageThatBeginsAnew_IsThatOfItsOwnPace()
    {
        var left = new TimeLeft(_clock);
        left.Of(50, 100);
        Assert.Null(left.Of(0, 100));
        _clock.Seconds = 20;
        Assert.Equal(TimeSpan.FromSeconds(180), left.Of(10, 100));
    }

    private sealed class Clock : TimeProvider
    {
        internal double Seconds { get; set; }

        public override long TimestampFrequency => 1000;

        public override long GetTimestamp() => (long)Math.Round(Seconds * 1000);
    }
}
