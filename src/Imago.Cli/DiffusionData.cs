using Imago.Autoencoders;
using Imago.Generation;
using Imago.Training;

namespace Imago.Cli;

/// <summary>The data of a command on a diffusion model.</summary>
internal static class DiffusionData
{
    /// <summary>The data set that was named, or else the one that a run was trained on.</summary>
    /// <param name="path">The model.</param>
    /// <param name="model">The same, loaded: its size is that of the pictures.</param>
    /// <param name="named">What the user named.</param>
    /// <param name="folder">Where the user says that its files lie.</param>
    /// <param name="purpose">What the data are for, to end the sentence "Say with --data …".</param>
    /// <exception cref="ArgumentException">Nothing was named, and the model is no run.</exception>
    internal static RunDataConfig Of(string path, DiffusionModel model, string? named, string? folder, string purpose)
    {
        var data = named is not null ? new RunDataConfig { Source = named, Size = model.Config.Height }
            : File.Exists(Path.Combine(path, "config.json")) && Directory.Exists(Path.Combine(path, "checkpoints")) ? RunFolder.Open(path).ReadConfig<DiffusionRunConfig>().Data
            : throw new ArgumentException($"Say with --data {purpose}: a named data set, or a folder of images.");
        return folder is null ? data : data with { Folder = folder };
    }
}
