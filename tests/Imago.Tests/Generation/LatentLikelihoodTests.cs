using Imago.Autoencoders;
using Imago.Diffusion;
using Imago.Generation;
using Imago.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class LatentLikelihoodTests
{
    private static readonly ObjectiveConfig Gaussian = new() { Likelihood = LikelihoodKind.Gaussian, Sigma = 0.3 };

    /// <summary>The best denoiser of standard normal latents: x̂₀ = α x / (α² + σ²), as rectified flow predicts it.</summary>
    private sealed class NormalNetwork() : DenoisingNetwork(nameof(NormalNetwork))
    {
        public override DenoiserConfig Config => new DiTConfig();

        public override Tensor forward(Tensor x, Tensor time, Conditioning condition) => WrappedTensorDisposeScope(() =>
        {
            var sigma = (time / 1000).view(-1, 1, 1, 1);
            var alpha = 1 - sigma;
            return (sigma - alpha) / (alpha.square() + sigma.square()) * x;              // ε̂ − x̂₀
        });
    }

    private static DiffusionModel Model(AutoencoderConfig autoencoder, LatentScale scale)
    {
        var conditioner = new ConditionerConfig { Width = 16 };
        return new DiffusionModel(
            new DiffusionModelConfig { Height = 8, Width = 8, Channels = 1, Latents = scale, Conditioner = conditioner }, new NormalNetwork(), conditioner.Create(2), new LatentCodec(autoencoder.Create(3), scale));
    }

    private static MlpConfig Mlp(bool isVariational = true) => new() { Channels = 1, Height = 8, Width = 8, Hidden = [16], Latent = 3, Variational = isVariational };

    private static Tensor Bytes() => stack([.. Enumerable.Range(0, 40).Select(i => Images.Pictures.ToBytes(TinyDiffusion.Splits.Train.Get(i).Image))]);

    [Fact]
    public void Rate_UnderAStandardNormalPrior_IsTheKlOfTheAutoencoder()
    {
        using var scope = NewDisposeScope();
        using var model = Model(Mlp(), new LatentScale([0, 0, 0], [1, 1, 1]));
        var report = LatentLikelihood.Evaluate(model, Enumerable.Repeat(Bytes(), 10), Gaussian, levels: 40);
        Assert.InRange(report.Rate!.Value - report.Kl!.Value, -3 * report.LatentError, 3 * report.LatentError);
        Assert.InRange(report.LatentError, 0, 0.2);
        Assert.Equal((report.Rate.Value + report.Reconstruction!.Value) / (64 * Math.Log(2)), report.BitsPerDimension!.Value, tolerance: 1e-12);
    }

    [Fact]
    public void Rate_UnderANormalPriorOfTheScale_IsTheKlToIt()
    {
        using var scope = NewDisposeScope();
        using var model = Model(Mlp(), new LatentScale([0.5, -1, 0], [2, 0.7, 1.5]));
        var report = LatentLikelihood.Evaluate(model, Enumerable.Repeat(Bytes(), 10), Gaussian, levels: 40);
        var posterior = LatentCodec.Posterior(((LatentCodec)model.Codec).Autoencoder, Images.Pictures.ToFloat(Bytes(), Images.PixelRange.MinusOneToOne));
        var prior = new Probability.DiagonalGaussian(tensor([0.5f, -1, 0]).view(1, 3, 1, 1), tensor([2f, 0.7f, 1.5f]).view(1, 3, 1, 1).log() * 2);
        Assert.InRange(report.Rate!.Value - posterior.Kl(prior).mean().item<float>(), -3 * report.LatentError, 3 * report.LatentError);
    }

    [Fact]
    public void Maps_AreScoredToo_AndWhatIsNoLikelihoodGivesNoBound()
    {
        using var scope = NewDisposeScope();
        using var model = Model(new KlConfig { InChannels = 1, OutChannels = 1, BlockOutChannels = [16, 16], LayersPerBlock = 1, NormNumGroups = 2, LatentChannels = 2, SampleSize = 8 }, new LatentScale([0, 0], [1, 1]));
        var report = LatentLikelihood.Evaluate(model, [Bytes()], new ObjectiveConfig { Likelihood = LikelihoodKind.GaussianOptimal }, levels: 10);
        Assert.InRange(report.Rate!.Value - report.Kl!.Value, -4 * report.LatentError, 4 * report.LatentError);
        Assert.Null(report.Reconstruction);
        Assert.Null(report.BitsPerDimension);
    }

    [Fact]
    public void PlainAutoencoder_HasABoundOfItsLatentsAlone()
    {
        using var scope = NewDisposeScope();
        using var model = Model(Mlp(isVariational: false), new LatentScale([0, 0, 0], [1, 1, 1]));
        var report = LatentLikelihood.Evaluate(model, [Bytes()], Gaussian, levels: 40);
        var z = ((LatentCodec)model.Codec).Encode(Images.Pictures.ToFloat(Bytes(), Images.PixelRange.MinusOneToOne));
        Assert.InRange(report.Latent + Probability.DiagonalGaussian.LogPrior(z).mean().item<float>(), -4 * report.LatentError, 4 * report.LatentError);
        Assert.Null(report.Rate);
        Assert.Null(report.BitsPerDimension);
    }

    [Fact]
    public void ModelOfPixels_IsRefused_AndNoTensorIsLeft()
    {
        using var pixels = TinyDiffusion.Model();
        Assert.Contains(nameof(DiffusionLikelihood), Assert.Throws<ArgumentException>(() => LatentLikelihood.Evaluate(pixels, [], Gaussian)).Message);
        using var model = Model(Mlp(), new LatentScale([0, 0, 0], [1, 1, 1]));
        using var bytes = Bytes();
        LatentLikelihood.Evaluate(model, [bytes], Gaussian, levels: 5);
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        LatentLikelihood.Evaluate(model, [bytes], Gaussian, levels: 5);
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }
}
