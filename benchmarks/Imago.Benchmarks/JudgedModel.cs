using System.Globalization;
using Imago.Data;
using Imago.Generation;
using Imago.Training;

namespace Imago.Benchmarks;

/// <summary>A diffusion model and how it came about.</summary>
/// <param name="Name">What it is called in the table.</param>
/// <param name="Training">Steps, minutes and images a second.</param>
/// <param name="Model">The model.</param>
internal sealed record JudgedModel(string Name, string Training, DiffusionModel Model) : IDisposable
{
    private DiffusionTraining? Run { get; init; }

    /// <summary>Trains one.</summary>
    /// <param name="config">How.</param>
    /// <param name="splits">On what.</param>
    /// <param name="prediction">What it predicts.</param>
    /// <param name="home">The run is kept in a folder of the prediction's name in this one; null to keep nothing.</param>
    internal static JudgedModel Train(DiffusionRunConfig config, DatasetSplits splits, string prediction, string? home)
    {
        Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Training {prediction} for {config.Training.Minutes} minutes …"));
        var folder = home is null ? null : RunFolder.Create(Path.Combine(home, prediction), config);
        var training = DiffusionTraining.Prepare(config, splits, folder);
        var result = training.Run(folder);
        return new JudgedModel($"{splits.Name}, {(config.Autoencoder is null ? "pixels" : "latents")}, {prediction}", Describe(result.Steps, result.Elapsed.TotalSeconds, config), training.Model) { Run = training };
    }

    /// <summary>Loads one.</summary>
    /// <param name="path">A run, or the folder of a model.</param>
    internal static JudgedModel Load(string path)
    {
        var model = DiffusionFiles.Load(path);
        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));
        if (!DiffusionFiles.IsRun(path)) return new JudgedModel(name, "elsewhere", model);
        var run = RunFolder.Open(path);
        var training = run.ReadMetrics() is [.., var last] ? Describe(last.Step, last.Seconds, run.ReadConfig<DiffusionRunConfig>()) : "elsewhere";
        return new JudgedModel(name, training, model);
    }

    public void Dispose()
    {
        if (Run is { } run) run.Dispose();
        else Model.Dispose();
    }

    private static string Describe(long steps, double seconds, DiffusionRunConfig config) => string.Create(
        CultureInfo.InvariantCulture, $"{steps} steps, {seconds / 60:0.0} min, {steps * config.Data.BatchSize * config.Training.Accumulation / seconds:0} images/s");
}
