using System.CommandLine;
using System.Globalization;
using Imago.Data;
using Imago.Metrics;
using Imago.Models.Inception;
using TorchSharp;
using static Imago.Cli.Commands.EvaluateCommand;

namespace Imago.Cli.Commands;

/// <summary><c>imago evaluate</c> of pictures: FID, KID, Inception Score, precision and recall, and the others.</summary>
internal static class EvaluateSamples
{
    private const int UsualBatch = 32;
    private const string Inception = "inception";

    internal static readonly Option<string?> Against = new("--against") { Description = "Of pictures: what they are compared with, a folder, zip, parquet or .npz of pictures, a named data set, or an .npz of mu and sigma.", HelpName = "REFERENCE" };
    internal static readonly Option<string?> Metrics = new("--metrics") { Description = $"Of pictures: any of {string.Join(", ", SampleMetrics.Names)}, with commas; the default is fid,kid,prdc, without a reference is.", HelpName = "LIST" };
    internal static readonly Option<string> Network = new("--network") { Description = "Of pictures: who looks at them, inception (weights from the cache, or with --download), a file of its weights, or the folder of a classifier.", HelpName = "inception|PATH", DefaultValueFactory = _ => Inception };
    internal static readonly Option<InceptionResize> Resize = new("--resize") { Description = "Of pictures: whose way to 299×299 pixels.", DefaultValueFactory = _ => InceptionResize.Clean };
    internal static readonly Option<string> Convention = new("--convention") { Description = $"Of pictures: whose estimates of mean and covariance, {string.Join(", ", FrechetConvention.All.Select(convention => convention.Name))}.", HelpName = "NAME", DefaultValueFactory = _ => FrechetConvention.Symmetric.Name };
    internal static readonly Option<string?> SaveStatistics = new("--save-statistics") { Description = "Of pictures: write their mu and sigma, to be named by --against later.", HelpName = "FILE.npz" };

    internal static IReadOnlyList<Option> All { get; } = [Against, Metrics, Network, Resize, Convention, SaveStatistics];

    /// <summary>Whether the command line is about pictures: it names an option of theirs.</summary>
    internal static bool IsMeant(CommandContext context) => context.IsGiven(Against) || context.IsGiven(Metrics) || context.IsGiven(SaveStatistics);

    internal static void Run(CommandContext context, string path)
    {
        var convention = FrechetConvention.All.FirstOrDefault(known => known.Name == context.Get(Convention))
            ?? throw new ArgumentException($"--convention is '{context.Get(Convention)}'; it must be one of {string.Join(", ", FrechetConvention.All.Select(known => known.Name))}.");
        string[] metrics = [.. (context.Get(Metrics) ?? Usual(context)).Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)];
        var options = SampleMetrics.Needs(metrics) with { BatchSize = context.IsGiven(Batch) ? context.Get(Batch) : UsualBatch };
        using var extractor = Open(context);
        using var pictures = Look(context, extractor, path, options);
        if (context.Get(SaveStatistics) is { } file) StatisticsFile.Write(file, pictures.Statistics, pictures.Extractor, pictures.Spatial);
        var against = context.Get(Against);
        using var others = against is null || StatisticsFile.IsStatistics(against) ? null : Look(context, extractor, against, options);
        var reference = others is not null ? new SampleReference(others) : against is not null ? new SampleReference(against) : null;
        var report = context.Track("Measuring", sink => SampleMetrics.Measure(pictures, reference, metrics, convention: convention, seed: (uint)context.Get(Seed), cancellationToken: context.Cancellation));
        foreach (var warning in report.Warnings) context.Warn(warning);
        if (context.IsJson) context.WriteJson(new { Pictures = path, Against = against, Convention = convention.Name, Skipped = pictures.Skipped, Report = report });
        else Print(context, report);
    }

    private static string Usual(CommandContext context) => context.Get(Against) is not { } against ? context.IsGiven(SaveStatistics) ? "" : "is" : StatisticsFile.IsStatistics(against) ? "fid" : "fid,kid,prdc";

    private static FeatureExtractor Open(CommandContext context)
    {
        var network = context.Get(Network)!;
        if (ClassifierFiles.IsClassifier(network))
        {
            var (classifier, config) = ClassifierFiles.Load(network);
            if (config.IsNoisy)
            {
                classifier.Dispose();
                throw new ArgumentException($"{network} holds a classifier of noisy images, which leads diffusion (imago generate --classifier); to measure by, train one without --noisy.");
            }
            classifier.to(context.Device);
            return new ClassifierExtractor($"{config.Name}-{ClassifierFiles.Fingerprint(network)}", classifier, config.Network, context.Device);
        }
        var weights = network != Inception ? network : context.Track("Fetching Inception-v3", sink =>
            InceptionDownload.Find(context.Get(Download), sink.For<DownloadProgress>(progress => (progress.Bytes, progress.Total ?? progress.Bytes, null)), context.Cancellation));
        var inception = InceptionFiles.Load(weights);
        if (!inception.Config.IsFid) context.Warn($"{weights} holds torchvision's Inception-v3, not the network of FID; its numbers compare with no published ones.");
        inception.to(context.Device);
        return new InceptionExtractor(inception, context.Get(Resize), device: context.Device);
    }

    private static SampleFeatures Look(CommandContext context, FeatureExtractor extractor, string path, SampleOptions options)
    {
        var set = Subset(context, SampleSets.Open(path, context.Get(Split)!, new DatasetOptions { Folder = context.Get(DataFolder), AllowDownload = context.Get(Download) }, context.Cancellation));
        var features = context.Track($"Looking at {set.Name}", sink => SampleFeatures.Of(set, extractor, options, sink.For<WorkProgress>(progress => (progress.Done, progress.Total, null)), context.Cancellation));
        if (features.Skipped.Count > 0) context.Warn($"{features.Skipped.Count} of {set.Count} pictures of {path} cannot be read and were left out; the first is {features.Skipped[0].Name}: {features.Skipped[0].Reason}");
        return features;
    }

    private static void Print(CommandContext context, SampleReport report)
    {
        context.Say($"{report.Images} pictures{(report.ReferenceImages is { } count ? $" against {count}" : "")}, seen by {report.Extractor}.");
        Line("FID", report.Fid);
        Range("FID at infinity", report.FidInfinity, "standard error");
        Range("KID", report.Kid, "deviation of subsets");
        Range("IS", report.InceptionScore, "deviation of splits");
        Line("precision", report.Precision);
        Line("recall", report.Recall);
        Line("density", report.Density);
        Line("coverage", report.Coverage);
        Line("MIND", report.Mind);
        Line("sFID", report.Sfid);

        void Line(string name, double? value)
        {
            if (value is { } number) context.Say(string.Create(CultureInfo.InvariantCulture, $"{name,-15} {number,10:0.0000}"));
        }

        void Range(string name, Estimate? value, string of)
        {
            if (value is { } estimate) context.Say(string.Create(CultureInfo.InvariantCulture, $"{name,-15} {estimate.Mean,10:0.0000} ± {estimate.StandardDeviation:0.0000} ({of})"));
        }
    }
}
