using System.CommandLine;
using System.Globalization;
using Imago.Autoencoders;
using Imago.Data;
using Imago.Diffusion;
using Imago.Generation;
using Imago.Training;
using static Imago.Cli.Commands.EvaluateCommand;

namespace Imago.Cli.Commands;

/// <summary><c>imago evaluate</c> of a diffusion model: its variational bound in bits per dimension, with that of its autoencoder where it draws latents.</summary>
internal static class EvaluateDiffusion
{
    internal static void Run(CommandContext context, string path)
    {
        using var model = DiffusionFiles.Load(path).To(context.Device);
        var data = DiffusionData.Of(path, model, context.Get(Source), context.Get(DataFolder), "what to score the model on");
        var splits = data.Open(context.Get(Download), context.Cancellation);
        var set = Part(context, splits);
        var loader = new ImageLoader(set, new LoaderOptions { BatchSize = context.Get(Batch), Shuffle = false, Size = data.Size, Channels = model.Config.Channels });
        if (model.Codec is LatentCodec codec) Latents(context, path, model, codec.Autoencoder, loader, set);
        else PixelBound(context, path, model, loader, set);
    }

    private static void PixelBound(CommandContext context, string path, DiffusionModel model, ImageLoader loader, ImageDataset set)
    {
        foreach (var option in (Option[])[Likelihood, Sigma])
        {
            if (context.IsGiven(option)) throw new ArgumentException($"{option.Name} is for decoders, and {path} draws pixels.");
        }
        var options = new BoundOptions { StepsPerBatch = Math.Min(context.Get(Samples), model.Process.TrainingSteps - 1), Seed = context.Get(Seed) };
        var report = context.Track("Scoring", sink => DiffusionLikelihood.Evaluate(model, Bytes(loader, context.Cancellation), options, Watched(sink, set), context.Cancellation));
        if (context.IsJson)
        {
            context.WriteJson(new { Model = path, Data = set.Name, Split = context.Get(Split), Report = report });
            return;
        }
        context.Say($"{report.Images} images of {set.Name}, {options.StepsPerBatch} of {model.Process.TrainingSteps} levels of noise each.");
        context.Say(string.Create(CultureInfo.InvariantCulture, $"bits/dimension {report.BitsPerDimension:0.000} ± {report.StandardError:0.000} (bound: prior {report.Prior:0.000}, decoder {report.Decoder:0.000})"));
    }

    private static void Latents(CommandContext context, string path, DiffusionModel model, Autoencoder autoencoder, ImageLoader loader, ImageDataset set)
    {
        var likelihood = Objective(context, autoencoder, RunOf(path));
        var report = context.Track("Scoring", sink => LatentLikelihood.Evaluate(model, Bytes(loader, context.Cancellation), likelihood, context.Get(Samples), context.Get(Seed), Watched(sink, set), context.Cancellation));
        if (context.IsJson)
        {
            context.WriteJson(new { Model = path, Data = set.Name, Split = context.Get(Split), likelihood.Likelihood, Report = report });
            return;
        }
        context.Say($"{report.Images} images of {set.Name}, {context.Get(Samples)} levels of noise each.");
        Line("latents", report.Latent, $"nats, −log p(z) in the latents' own units, ± {Number(report.LatentError)} (bound)");
        Line("rate", report.Rate, $"nats, E[log q(z|x) − log p(z)]; {(report.Kl is { } kl ? $"{Number(kl)} with the autoencoder's own prior" : "")}");
        Line("reconstruction", report.Reconstruction, $"nats, E[−log p(x|z)], {likelihood.Likelihood}");
        Line("bits/dimension", report.BitsPerDimension, report.BitsPerDimensionError is { } error ? string.Create(CultureInfo.InvariantCulture, $"± {error:0.000} at most (bound: rate and reconstruction)") : "", "0.000");
        if (report.Rate is null) context.Say("The autoencoder gives points and no distributions, so there is no bound of log p(x).");
        else if (report.Reconstruction is null) context.Say($"{likelihood.Likelihood} is no density of one model, so there is no bound of log p(x); choose one with --likelihood, such as Gaussian with --sigma.");

        void Line(string name, double? value, string remark, string format = "0.0")
        {
            if (value is { } number) context.Say($"{name,-15} {number.ToString(format, CultureInfo.InvariantCulture),9} {remark}".TrimEnd());
        }
    }

    private static IProgress<WorkProgress> Watched(ProgressSink sink, ImageDataset set) => sink.For<WorkProgress>(done => (done.Done, set.Count, null));

    private static string Number(double value) => value.ToString("0.0", CultureInfo.InvariantCulture);

    /// <summary>The run of the autoencoder that a run of diffusion was trained on, if both are runs and still there.</summary>
    private static AutoencoderRunConfig? RunOf(string path) =>
        File.Exists(Path.Combine(path, "config.json")) && RunFolder.Open(path).ReadConfig<DiffusionRunConfig>().Autoencoder is { } folder && RunOfAutoencoder(folder) is { } run ? run : null;
}
