using Imago.Training;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Adversarial;

/// <summary>The half of a generative adversarial network that draws.</summary>
public sealed class Gan : IDisposable
{
    /// <summary>Takes over a generator.</summary>
    /// <param name="config">What it is made of.</param>
    /// <param name="generator">Noise [B, Z] → images [B, C, H, W] in about [−1, 1].</param>
    public Gan(GanConfig config, nn.Module<Tensor, Tensor> generator) => (Config, Generator) = (config, generator);

    /// <summary>What it is made of.</summary>
    public GanConfig Config { get; }

    /// <summary>Noise [B, Z] → images [B, C, H, W] in about [−1, 1].</summary>
    public nn.Module<Tensor, Tensor> Generator { get; }

    /// <summary>Numbers in the generator.</summary>
    public long ParameterCount => Generator.parameters().Sum(parameter => parameter.numel());

    /// <summary>Draws images.</summary>
    /// <param name="count">How many.</param>
    /// <param name="generator">Where the noise comes from.</param>
    /// <param name="truncation">Deviation of the noise: below 1 for more usual pictures.</param>
    /// <returns>float32 [B, C, H, W] in [0, 1].</returns>
    public Tensor Sample(int count, Generator generator, double truncation = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(truncation);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var device = Generator.parameters().First().device;
        var x = Generator.call(truncation * randn([count, Config.Latent], generator: generator).to(device));
        return (0.5 * x + 0.5).clamp(0, 1).MoveToOuterDisposeScope();
    }

    /// <summary>Moves it to a device.</summary>
    public Gan To(Device device)
    {
        Generator.to(device);
        return this;
    }

    /// <inheritdoc/>
    public void Dispose() => Generator.Dispose();
}

/// <summary>Generative adversarial networks from the folders of their runs.</summary>
public static class GanFiles
{
    internal const string Kind = "gan";

    /// <summary>Whether a path is the folder of a run of a GAN.</summary>
    public static bool IsRun(string path) => RunFolder.KindOf(path) == Kind;

    /// <summary>Loads the generator of a run.</summary>
    /// <param name="path">The run's folder.</param>
    /// <returns>What draws, in evaluation mode, on the CPU. The caller owns it.</returns>
    /// <exception cref="ImagoException">There is no such run, or it is damaged.</exception>
    public static Gan Load(string path)
    {
        var run = RunFolder.Open(path);
        var config = run.ReadConfig<GanRunConfig>();
        config.Validate();
        var gan = new Gan(config.Network, config.Network.CreateGenerator());
        try
        {
            ModuleWeights.Load(gan.Generator, run.Weights);
            gan.Generator.eval();
            return gan;
        }
        catch
        {
            gan.Dispose();
            throw;
        }
    }
}
