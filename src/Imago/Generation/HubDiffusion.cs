using System.Text.Json;
using System.Text.Json.Nodes;
using Imago.Autoencoders;
using Imago.Diffusion;
using Imago.Models;
using Imago.Weights;

namespace Imago.Generation;

/// <summary>
/// Pipelines of diffusers that need no text encoder: a folder with <c>scheduler/</c>, <c>unet/</c> (UNet2DModel) or <c>transformer/</c> (DiT), and <c>vae/</c> where latents are drawn.
/// </summary>
internal static class HubDiffusion
{
    private static readonly string[] NetworkFolders = ["unet", "transformer"];

    internal static bool IsPipeline(string path) => NetworkOf(path) is not null && File.Exists(Path.Combine(path, "scheduler", "scheduler_config.json"));

    internal static DiffusionModel Load(string path, string? variant = null)
    {
        var folder = NetworkOf(path)!;
        var network = DenoiserConfig.Parse(File.ReadAllText(Path.Combine(folder, "config.json")), Path.Combine(folder, "config.json"));
        var scheduler = SchedulerConfig.Load(Path.Combine(path, "scheduler"));
        if (scheduler.IsEdm) throw new CheckpointException($"{path}: the network stands under EDM's preconditioning ({scheduler.Kind}), which is not loaded as a model yet.");
        var (side, channels, conditioner) = Describe(network, path);
        var autoencoder = Directory.Exists(Path.Combine(path, "vae")) ? AutoencoderFiles.Load(path) : null;
        DiffusionModel? model = null;
        try
        {
            var scale = autoencoder is null ? null : ScaleOf(autoencoder, channels);
            var factor = autoencoder is null ? 1 : autoencoder.ImageSize.Height / (int)LatentCodec.ShapeOf(autoencoder, autoencoder.ImageSize.Height, autoencoder.ImageSize.Width)[1];
            model = new DiffusionModel(new DiffusionModelConfig
            {
                Height = side * factor, Width = side * factor, Channels = autoencoder?.Channels ?? channels, Latents = scale, Prediction = scheduler.Prediction, Conditioner = conditioner,
                Process = new HubProcessConfig { Scheduler = JsonNode.Parse(scheduler.ToJson())!.AsObject() },
            }, network.Create(), conditioner.Create(), autoencoder is null ? new PixelCodec(channels) : new LatentCodec(autoencoder, scale!));
            using var weights = TensorFile.OpenVariant(folder, variant);
            ModuleWeights.Load(model.Network, weights);
            model.Trained.eval();
            return model;
        }
        catch
        {
            if (model is null) autoencoder?.Dispose();
            model?.Dispose();
            throw;
        }
    }

    private static string? NetworkOf(string path) => NetworkFolders.Select(name => Path.Combine(path, name)).FirstOrDefault(folder => File.Exists(Path.Combine(folder, "config.json")));

    private static (int Side, int Channels, ConditionerConfig Conditioner) Describe(DenoiserConfig network, string path) => network switch
    {
        UNet2DConfig { NumClassEmbeds: null, ClassEmbedType: null } unet => ((unet.SampleSize ?? 32)[0], unet.InChannels, new ConditionerConfig()),
        UNet2DConfig => throw new CheckpointException($"{path}: the U-Net is told a class and has no number for none; Imago loads pipelines of U-Nets without classes."),
        DiTConfig { NumEmbedsAdaNorm: > 0 } dit => (dit.SampleSize, dit.InChannels, new ConditionerConfig { Conditions = [new ClassConditionConfig { Names = ClassNames(path, dit.NumEmbedsAdaNorm), Embed = false }] }),
        DiTConfig dit => (dit.SampleSize, dit.InChannels, new ConditionerConfig()),
        _ => throw new CheckpointException($"{path}: the network needs text encoders; a pipeline is loaded as a model if its network is a UNet2DModel or a DiTTransformer2DModel."),
    };

    /// <summary>The names that DiT's pipeline gives its classes, else their numbers.</summary>
    private static IReadOnlyList<string> ClassNames(string path, int count)
    {
        var index = Path.Combine(path, "model_index.json");
        try
        {
            var names = File.Exists(index) ? JsonNode.Parse(File.ReadAllText(index))?["id2label"] as JsonObject : null;
            return [.. Enumerable.Range(0, count).Select(number => names?[$"{number}"]?.ToString() ?? $"{number}")];
        }
        catch (JsonException e)
        {
            throw new CheckpointException($"{index}: not valid JSON: {e.Message}", e);
        }
    }

    /// <summary>x = (z − shift) · factor, as a mean and a deviation.</summary>
    private static LatentScale ScaleOf(Autoencoder autoencoder, int channels)
    {
        var (factor, shift) = autoencoder.Config is KlConfig kl ? (kl.ScalingFactor, kl.ShiftFactor ?? 0) : (1, 0);
        return new LatentScale([.. Enumerable.Repeat(shift, channels)], [.. Enumerable.Repeat(1 / factor, channels)]);
    }
}

/// <summary>The process that a hub's scheduler configuration describes.</summary>
public sealed record HubProcessConfig : ProcessConfig
{
    /// <summary>The <c>scheduler_config.json</c>.</summary>
    public required JsonObject Scheduler { get; init; }

    /// <inheritdoc/>
    public override NoiseProcess Create() => Config.Process();

    internal SchedulerConfig Config => SchedulerConfig.Parse(Scheduler.ToJsonString(), "the model's scheduler");
}
