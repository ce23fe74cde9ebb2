using Imago.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Models;

/// <summary>An invertible map that knows how it stretches volumes.</summary>
internal abstract class Bijection(string name) : nn.Module(name)
{
    /// <summary>The type in which the networks inside compute; what passes from layer to layer is float32 always.</summary>
    internal ScalarType ComputeType { get; set; } = ScalarType.Float32;

    /// <summary>y = f(x) and log |det ∂y/∂x| of each image.</summary>
    /// <param name="x">[B, C, H, W].</param>
    /// <returns>[B, C, H, W] and [B].</returns>
    internal abstract (Tensor Y, Tensor LogDeterminant) Forward(Tensor x);

    /// <summary>x = f⁻¹(y).</summary>
    internal abstract Tensor Inverse(Tensor y);

    /// <summary>What is the same for every image, for each of them.</summary>
    protected static Tensor ForEach(Tensor x, Tensor logDeterminant) => logDeterminant.expand(x.shape[0]);
}

/// <summary>
/// y = s (x + b) with a scale and a shift for each channel, which start so that the first batch comes out with mean 0 and deviation 1 (Kingma and Dhariwal 2018, section 3.1).
/// </summary>
internal sealed class ActNorm : Bijection
{
    private readonly Parameter bias;
    private readonly Parameter logs;
    private readonly Tensor initialized;

    internal ActNorm(int channels)
        : base(nameof(ActNorm))
    {
        bias = new Parameter(zeros(1, channels, 1, 1));
        logs = new Parameter(zeros(1, channels, 1, 1));
        initialized = zeros(1);
        RegisterComponents();
    }

    internal override (Tensor Y, Tensor LogDeterminant) Forward(Tensor x)
    {
        if (training && initialized.item<float>() == 0) Initialize(x);
        return (logs.exp() * (x + bias), ForEach(x, x.shape[2] * x.shape[3] * logs.sum()));
    }

    internal override Tensor Inverse(Tensor y) => y * (-logs).exp() - bias;

    private void Initialize(Tensor x)
    {
        const double Smallest = 1e-6;
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var mean = x.mean([0L, 2, 3], keepdim: true);
        bias.copy_(-mean);
        logs.copy_(-((x - mean).square().mean([0L, 2, 3], keepdim: true).sqrt() + Smallest).log());
        initialized.fill_(1);
    }
}

/// <summary>y = W x at every position: a permutation of the channels that is learned, beginning with a random rotation (Kingma and Dhariwal 2018, section 3.2).</summary>
internal sealed class InvertibleConvolution : Bijection
{
    private readonly Parameter weight;

    internal InvertibleConvolution(int channels)
        : base(nameof(InvertibleConvolution))
    {
        weight = new Parameter(linalg.qr(randn(channels, channels)).Q);
        RegisterComponents();
    }

    internal override (Tensor Y, Tensor LogDeterminant) Forward(Tensor x) => (Mix(x, weight), ForEach(x, x.shape[2] * x.shape[3] * linalg.slogdet(weight).Item2));

    internal override Tensor Inverse(Tensor y) => Mix(y, linalg.inv(weight.to(float64)).to(float32));

    private static Tensor Mix(Tensor x, Tensor w) => Imago.Layers.Convolution.Conv2d(x, w.unsqueeze(-1).unsqueeze(-1), null, (1, 1), (0, 0));
}

/// <summary>
/// y_a = s(x_b) (x_a + t(x_b)), y_b = x_b: one half of the channels tells how the other half is moved (Dinh et al. 2017, Eq. 7; s = sigmoid(· + 2) as in Kingma and Dhariwal 2018).
/// It starts as nearly the identity.
/// </summary>
internal sealed class AffineCoupling : Bijection
{
    private readonly Conv2d conv1;
    private readonly Conv2d conv2;
    private readonly Conv2d conv3;
    private readonly Parameter logs;

    internal AffineCoupling(int channels, int hidden)
        : base(nameof(AffineCoupling))
    {
        conv1 = new Conv2d(channels / 2, hidden, 3, padding: 1);
        conv2 = new Conv2d(hidden, hidden, 1);
        conv3 = new Conv2d(hidden, channels, 3, padding: 1);
        logs = new Parameter(zeros(1, channels, 1, 1));
        nn.init.zeros_(conv3.weight);
        nn.init.zeros_(conv3.bias!);
        RegisterComponents();
    }

    internal override (Tensor Y, Tensor LogDeterminant) Forward(Tensor x)
    {
        var (a, b) = Halves(x);
        var (logScale, t) = Network(b);
        return (cat([logScale.exp() * (a + t), b], 1), logScale.sum([1L, 2, 3]));
    }

    internal override Tensor Inverse(Tensor y)
    {
        var (a, b) = Halves(y);
        var (logScale, t) = Network(b);
        return cat([(-logScale).exp() * a - t, b], 1);
    }

    private static (Tensor A, Tensor B) Halves(Tensor x)
    {
        var halves = x.chunk(2, 1);
        return (halves[0], halves[1]);
    }

    private (Tensor LogScale, Tensor Shift) Network(Tensor b)
    {
        var h = nn.functional.relu(conv1.call(b.to(ComputeType)));
        var (s, t) = Halves(conv3.call(nn.functional.relu(conv2.call(h))).to(float32) * (3 * logs).exp());
        return (nn.functional.logsigmoid(s + 2), t);
    }
}

/// <summary>z = (x − μ) / σ, with μ and log σ that the channels kept in the flow tell, or that are learned alone: what leaves the flow becomes standard normal noise.</summary>
internal sealed class Gaussianize : nn.Module
{
    private readonly Conv2d? conv;
    private readonly Parameter logs;
    private readonly Parameter bias;

    /// <param name="channels">Channels that leave.</param>
    /// <param name="context">Channels that stay; 0 for none.</param>
    internal Gaussianize(int channels, int context)
        : base(nameof(Gaussianize))
    {
        conv = context == 0 ? null : new Conv2d(context, 2 * channels, 3, padding: 1);
        if (conv is not null) nn.init.zeros_(conv.weight);
        if (conv is not null) nn.init.zeros_(conv.bias!);
        bias = new Parameter(zeros(1, 2 * channels, 1, 1));
        logs = new Parameter(zeros(1, 2 * channels, 1, 1));
        RegisterComponents();
    }

    internal (Tensor Z, Tensor LogDeterminant) Forward(Tensor x, Tensor? context)
    {
        var (mean, logStd) = Prior(context);
        return ((x - mean) * (-logStd).exp(), -logStd.expand_as(x).sum([1L, 2, 3]));
    }

    internal Tensor Inverse(Tensor z, Tensor? context)
    {
        var (mean, logStd) = Prior(context);
        return mean + logStd.exp() * z;
    }

    private (Tensor Mean, Tensor LogStd) Prior(Tensor? context)
    {
        var h = (conv is null ? bias : conv.call(context!) + bias) * (3 * logs).exp();
        var halves = h.chunk(2, 1);
        return (halves[0], halves[1]);
    }
}
