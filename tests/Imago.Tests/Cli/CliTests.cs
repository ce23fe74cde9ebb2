using System.CommandLine;
using System.Diagnostics;
using Imago.Cli;
using Imago.Golden;
using TorchSharp;

namespace Imago.Tests;

public class CliTests
{
    private static readonly Option<int> Number = new("--number");

    private static (int Code, string Output, string Error) Run(Func<CommandContext, int> work, params string[] args) => Run(work, default, args);

    private static (int Code, string Output, string Error) Run(Func<CommandContext, int> work, CancellationToken cancellation, params string[] args)
    {
        var probe = new ImagoCommand("probe", "Does what the test wants.", "imago probe --number 3") { Number, SharedOptions.Json }.Does(work);
        using StringWriter output = new(), error = new();
        var code = CliApp.Run(CliApp.CreateRoot([probe]), args, output, error, cancellation);
        return (code, output.ToString(), error.ToString());
    }

    private static int Nothing(CommandContext context) => 0;

    [Fact]
    public void NoArguments_Help()
    {
        var (code, output, _) = Run(Nothing);
        Assert.Equal(0, code);
        Assert.Contains("probe", output);
    }

    [Fact]
    public void Help_OfACommand_EndsWithItsExamples()
    {
        var (code, output, _) = Run(Nothing, "probe", "--help");
        Assert.Equal(0, code);
        Assert.Contains("Examples:", output);
        Assert.EndsWith("imago probe --number 3", output.TrimEnd());
    }

    [Fact]
    public void UnknownCommand_IsBadUsage_AndTheNearestIsSuggested()
    {
        var (code, output, error) = Run(Nothing, "prbe");
        Assert.Equal(2, code);
        Assert.Empty(output);
        Assert.Contains("Did you mean 'probe'?", error);
        Assert.Contains("imago --help", error);
    }

    [Fact]
    public void UnknownOption_IsBadUsage_AndTheNearestIsSuggested()
    {
        var (code, _, error) = Run(Nothing, "probe", "--thread", "3");
        Assert.Equal(2, code);
        Assert.Contains("Did you mean '--threads'?", error);
        Assert.Contains("imago probe --help", error);
    }

    [Theory]
    [InlineData("--number", "many")]
    [InlineData("--threads", "0")]
    [InlineData("--threads", "x")]
    [InlineData("--device", "tpu")]
    [InlineData("--device", "cuda:-1")]
    public void BadValue_IsBadUsage_AndIsQuoted(string option, string value)
    {
        var (code, _, error) = Run(Nothing, "probe", option, value);
        Assert.Equal(2, code);
        Assert.Contains(option, error);
        Assert.Contains(value, error);
        Assert.DoesNotContain("System.", error);
    }

    [Fact]
    public void ExitCode_OfTheWork_IsReturned() => Assert.Equal(7, Run(_ => 7, "probe").Code);

    public static TheoryData<Exception, int, string> Failures => new()
    {
        { new ImagoException("x.pt is damaged."), 1, "error: x.pt is damaged." },
        { new CheckpointException("no key."), 1, "error: no key." },
        { new IOException("disk full"), 1, "error: disk full" },
        { new ArgumentException("--rows must be positive.", "rows"), 2, "error: --rows must be positive." },
        { new ArgumentOutOfRangeException("rows", 0, "--rows must be positive."), 2, "error: --rows must be positive." },
        { new TypeInitializationException("X", new ImagoException("no libtorch.")), 1, "error: no libtorch." },
        { new AggregateException(new AggregateException(new IOException("disk full"))), 1, "error: disk full" },
    };

    [Theory]
    [MemberData(nameof(Failures))]
    public void Failure_IsOneSentence(Exception failure, int code, string message)
    {
        var result = Run(_ => throw failure, "probe");
        Assert.Equal((code, "", message + Environment.NewLine), result);
    }

    [Fact]
    public void LibtorchFailure_IsItsFirstLine()
    {
        static int Work(CommandContext context) => (int)torch.zeros(2).add(torch.zeros(3)).numel();
        var (code, _, error) = Run(Work, "probe");
        Assert.Equal(1, code);
        Assert.StartsWith("error: libtorch failed: The size of tensor", error);
        Assert.Single(error.TrimEnd().Split('\n'));
    }

    [Fact]
    public void Bug_IsReported_WithoutStackTraceUnlessVerbose()
    {
        static int Work(CommandContext context) => throw new InvalidOperationException("odd.");
        Assert.Equal(1, Run(Work, "probe").Code);
        Assert.DoesNotContain(" at ", Run(Work, "probe").Error);
        Assert.Contains("   at ", Run(Work, "probe", "--verbose").Error);
    }

    [Fact]
    public void Cancellation_EndsWith130()
    {
        using var stop = new CancellationTokenSource();
        int Work(CommandContext context)
        {
            stop.Cancel();
            context.Cancellation.ThrowIfCancellationRequested();
            return 0;
        }
        Assert.Equal(130, Run(Work, stop.Token, "probe").Code);
    }

    [Fact]
    public void Json_SilencesText()
    {
        static int Work(CommandContext context)
        {
            context.Say("text");
            context.Hint("hint");
            if (context.IsJson) context.WriteJson(new { ImagesPerSecond = 2.5, Loss = double.NaN });
            return 0;
        }
        Assert.Equal("text\nhint\n", Run(Work, "probe").Output.ReplaceLineEndings("\n"));
        Assert.Equal("text\n", Run(Work, "probe", "--quiet").Output.ReplaceLineEndings("\n"));
        using var document = System.Text.Json.JsonDocument.Parse(Run(Work, "probe", "--json").Output);
        Assert.Equal(2.5, document.RootElement.GetProperty("images_per_second").GetDouble());
        Assert.Equal("NaN", document.RootElement.GetProperty("loss").GetString());
    }

    [Fact]
    public void Track_RunsOnTheCallingThread_AndIsSilentWhenShort()
    {
        static int Work(CommandContext context)
        {
            var thread = Environment.CurrentManagedThreadId;
            var inside = context.Track("working", sink =>
            {
                for (int i = 0; i <= 10; i++) sink.Report(new WorkProgress(i, 10));
                return Environment.CurrentManagedThreadId;
            });
            return inside == thread ? 0 : 1;
        }
        Assert.Equal((0, "", ""), Run(Work, "probe"));
    }

    [Theory]
    [InlineData("", "abc", 3)]
    [InlineData("sample", "sample", 0)]
    [InlineData("smaple", "sample", 2)]
    [InlineData("kitten", "sitting", 3)]
    public void Distance_CountsEdits(string a, string b, int edits)
    {
        Assert.Equal(edits, Spelling.Distance(a, b));
        Assert.Equal(edits, Spelling.Distance(b, a));
    }

    [Fact]
    public void Process_Help_DoesNotLoadLibtorch()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the loader's own log exists only there");
        var (code, output, error) = CliProcess.Run(new() { ["LD_DEBUG"] = "files" }, "--help");
        Assert.Equal(0, code);
        Assert.Contains("Usage:", output);
        Assert.Contains("libcoreclr", error);
        Assert.DoesNotContain("libtorch", error);
    }

    [Fact]
    public void Process_UnknownCommand_EndsWith2()
    {
        var (code, output, error) = CliProcess.Run([], "nonsense");
        Assert.Equal(2, code);
        Assert.Empty(output);
        Assert.StartsWith("error:", error);
    }
}

/// <summary>The real program, built in the same configuration as the tests.</summary>
internal static class CliProcess
{
    private static string Program
    {
        get
        {
            var configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
            return Path.Combine(GoldenFolder.Repository()!, "src", "Imago.Cli", "bin", configuration, "net10.0", "Imago.Cli.dll");
        }
    }

    internal static (int Code, string Output, string Error) Run(Dictionary<string, string> environment, params string[] args)
    {
        var start = new ProcessStartInfo("dotnet", [Program, .. args]) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment) start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }
}
