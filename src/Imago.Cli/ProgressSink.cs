using Spectre.Console;
using Spectre.Console.Rendering;

namespace Imago.Cli;

/// <summary>Takes reports of how far a piece of work is, and shows them on the error output.</summary>
internal abstract class ProgressSink : IProgress<WorkProgress>
{
    /// <summary>Shows a state: <paramref name="done"/> of <paramref name="total"/>, with a word about it (a loss, a speed).</summary>
    internal abstract void Report(long done, long total, string? detail = null);

    /// <inheritdoc/>
    public void Report(WorkProgress value) => Report(value.Done, value.Total, value.Stage);

    /// <summary>The same sink for reports of another type.</summary>
    internal IProgress<T> For<T>(Func<T, (long Done, long Total, string? Detail)> read) => new Adapter<T>(report =>
    {
        var (done, total, detail) = read(report);
        Report(done, total, detail);
    });

    internal static T Track<T>(string title, TextWriter error, bool isQuiet, Func<ProgressSink, T> work)
    {
        if (isQuiet) return work(new Silence());
        if (!ReferenceEquals(error, Console.Error) || Console.IsErrorRedirected) return work(new Lines(title, error, TimeProvider.System));
        var left = new TimeLeftColumn();
        return AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(error) })
            .Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), left)
            .Start(display => work(new Bar(title, display.AddTask(Markup.Escape(title)), left)));
    }

    private sealed class Adapter<T>(Action<T> report) : IProgress<T>
    {
        public void Report(T value) => report(value);
    }

    private sealed class Silence : ProgressSink
    {
        internal override void Report(long done, long total, string? detail)
        {
        }
    }

    /// <summary>Lines for logs, by a clock of one's own.</summary>
    internal static ProgressSink ToLines(string title, TextWriter error, TimeProvider clock) => new Lines(title, error, clock);

    private sealed class Bar(string title, ProgressTask task, TimeLeftColumn column) : ProgressSink
    {
        private readonly TimeLeft _left = new(TimeProvider.System);

        internal override void Report(long done, long total, string? detail)
        {
            task.MaxValue = Math.Max(total, 1);
            task.Value = done;
            task.Description = Markup.Escape(detail is null ? title : $"{title} {detail}");
            column.Left = _left.Of(done, total);
        }
    }

    private sealed class TimeLeftColumn : ProgressColumn
    {
        internal TimeSpan? Left { get; set; }

        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) => new Spectre.Console.Text(Left is { } left ? $@"{left:h\:mm\:ss}" : "-:--:--", new Style(Color.Blue));
    }

    /// <summary>For logs: a line every ten seconds, so that short work says nothing.</summary>
    private sealed class Lines(string title, TextWriter error, TimeProvider clock) : ProgressSink
    {
        private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);
        private readonly TimeLeft _left = new(clock);
        private readonly long _start = clock.GetTimestamp();
        private TimeSpan _next = Interval;

        internal override void Report(long done, long total, string? detail)
        {
            var left = _left.Of(done, total);
            var elapsed = clock.GetElapsedTime(_start);
            if (elapsed < _next) return;
            _next = elapsed + Interval;
            error.WriteLine($"{title}: {done} of {total}{(detail is null ? "" : $", {detail}")}{(left is null ? "" : $@", {left:h\:mm\:ss} left")}");
        }
    }
}
