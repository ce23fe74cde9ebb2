using Imago.Autoencoders;
using Imago.Images;
using Imago.Models;
using Imago.Probability;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class LikelihoodEvaluationTests
{
    private const double Sigma = 0.2;

    /// <summary>A decoder W z + b whose columns are orthogonal, so that the true posterior is diagonal, and an encoder that gives just that.</summary>
    private sealed class SolvedAutoencoder : Autoencoder
    {
        private readonly double[] _scales = [0.5, 0.3];

        internal SolvedAutoencoder()
            : base(nameof(SolvedAutoencoder))
        {
        }

        internal LinearGaussianModel Solution => new(W, B, Sigma);

        private Tensor W => tensor(new[,] { { 0.5, 0 }, { 0, 0.3 }, { 0, 0 }, { 0, 0 } }, dtype: float64);

        private static Tensor B => full(4, 0.5, float64);

        public override AutoencoderConfig Config => throw new NotSupportedException();

        public override int Channels => 1;

        public override (int Height, int Width) ImageSize => (2, 2);

        public override PixelRange Pixels => PixelRange.ZeroToOne;

        public override DecoderOutput Output => DecoderOutput.Mean;

        public override bool IsVariational => true;

        public override long[] LatentShape(int height, int width) => [2];

        public override DiagonalGaussian Encode(Tensor x)
        {
            var variance = tensor(_scales.Select(s => 1 / (1 + s * s / (Sigma * Sigma))).ToArray(), dtype: x.dtype);
            return new DiagonalGaussian((x.flatten(1) - 0.5).matmul(W.to(x.dtype)) / (Sigma * Sigma) * variance, variance.log().expand(x.shape[0], 2));
        }

        public override Tensor Decode(Tensor z) => (z.matmul(W.to(z.dtype).t()) + 0.5).view(-1, 1, 2, 2);
    }

    private static Tensor Images(int count) => (rand([count, 1, 2, 2], generator: new Generator(1)) * 255).to(uint8);

    private static LikelihoodOptions Options(int samples) =>
        new() { Samples = samples, Objective = new ObjectiveConfig { Likelihood = LikelihoodKind.Gaussian, Sigma = Sigma } };

    [Fact]
    public void Bound_OfAModelWhosePosteriorIsExact_IsTheLogEvidence()
    {
        using var scope = NewDisposeScope();
        using var model = new SolvedAutoencoder();
        var bytes = Images(5);
        var report = LikelihoodEvaluation.Evaluate(model, [bytes], Options(3));
        var x = Pictures.ToFloat(bytes, PixelRange.ZeroToOne).to(float64).flatten(1);
        var exact = Enumerable.Range(0, 5).Average(i => model.Solution.Evidence.LogDensity(x[i]));
        Assert.Equal(exact, report.LogLikelihood!.Value, 1e-4);
        Assert.Equal(-report.LogLikelihood!.Value / (4 * Math.Log(2)), report.BitsPerDimension!.Value, 1e-9);
        Assert.Equal(-(report.Reconstruction + report.Kl!.Value), report.Elbo!.Value, 1e-9);
    }

    [Fact]
    public void Report_OfTheSameImagesInOtherBatches_HasTheSameExactParts()
    {
        using var scope = NewDisposeScope();
        using var model = new SolvedAutoencoder();
        var bytes = Images(12);
        var whole = LikelihoodEvaluation.Evaluate(model, [bytes], Options(10));
        var parts = LikelihoodEvaluation.Evaluate(model, bytes.split(5), Options(10) with { PixelsAtOnce = 30 });
        Assert.Equal(whole.LogLikelihood!.Value, parts.LogLikelihood!.Value, 1e-4);
        Assert.Equal(whole.Kl!.Value, parts.Kl!.Value, 1e-5);
        Assert.Equal(whole.Psnr, parts.Psnr, 1e-4);
        Assert.Equal(whole.ActiveUnits, parts.ActiveUnits);
        Assert.Equal(12, parts.Images);
    }

    [Fact]
    public void Report_OfAPlainAutoencoder_HasNoLikelihood()
    {
        using var scope = NewDisposeScope();
        using var model = new MlpConfig { Channels = 1, Height = 2, Width = 2, Latent = 2, Variational = false }.Create();
        var report = LikelihoodEvaluation.Evaluate(model, [Images(3)], new LikelihoodOptions());
        Assert.Null(report.LogLikelihood);
        Assert.Null(report.Kl);
        Assert.Null(report.Ssim);
        Assert.True(report.Psnr > 0);
    }

    [Fact]
    public void Evaluate_LeavesNoTensorBehind()
    {
        using var model = new MlpConfig { Channels = 1, Height = 2, Width = 2, Latent = 2 }.Create();
        using var bytes = Images(3);
        LikelihoodEvaluation.Evaluate(model, [bytes], new LikelihoodOptions { Samples = 3 });
        var before = Tensor.TotalCount;
        LikelihoodEvaluation.Evaluate(model, [bytes], new LikelihoodOptions { Samples = 3 });
        Assert.Equal(before, Tensor.TotalCount);
    }

    [Fact]
    public void Evaluate_OfNothing_IsRefused()
    {
        using var model = new SolvedAutoencoder();
        Assert.Throws<ArgumentException>(() => LikelihoodEvaluation.Evaluate(model, [], Options(1)));
    }

    [Fact]
    public void Latents_ThatNothingChanges_AreNotActive()
    {
        using var scope = NewDisposeScope();
        var mean = stack([randn([100], generator: new Generator(1)), zeros(100)], 1);
        var summary = LatentSummary.Of(new DiagonalGaussian(mean, zeros(100, 2)));
        Assert.Equal(1, summary.ActiveUnits);
        Assert.Equal(0, summary.KlPerLatent[1], 1e-6);
    }
}
