using Imago.Layers.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class GeluKernelTests
{
    /// <summary>Within one unit in the last place of bfloat16 (2⁻⁷ of the number) of the exact value, or 10⁻⁶ where the value is next to nothing.</summary>
    [Fact]
    public void Gelus_OfAllMagnitudes_AreRoundedExactOnes()
    {
        Assert.SkipUnless(Lanes.IsSupported, "This processor has no AVX-512.");
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var u = linspace(-12, 12, 64 * 33).to(bfloat16).view(33, 64);
        var gate = randn(33, 64, generator: new Generator(1)).to(bfloat16);
        var (exact, wide) = (u.to(float64), gate.to(float64));
        Near(wide * exact * 0.5 * (1 + (exact / Math.Sqrt(2)).erf()), GeluKernel.Gate(cat([gate, u], 1)));
        Near(exact * 0.5 * (1 + (Math.Sqrt(2 / Math.PI) * (exact + 0.044715 * exact.pow(3))).tanh()), GeluKernel.Approximate(u));
    }

    private static void Near(Tensor expected, Tensor actual) =>
        Assert.True(((actual.to(float64) - expected).abs() <= expected.abs() / 128 + 1e-6).all().item<bool>());
}
