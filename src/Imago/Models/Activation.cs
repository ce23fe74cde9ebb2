using Imago.Layers.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Models;

/// <summary>The pointwise non-linearity between layers.</summary>
public enum Activation
{
    /// <summary>max(0, x).</summary>
    Relu,

    /// <summary>x·σ(x), also called swish.</summary>
    Silu,

    /// <summary>The hyperbolic tangent.</summary>
    Tanh,

    /// <summary>x·Φ(x), with the exact Gaussian distribution function.</summary>
    Gelu,

    /// <summary>x·tanh(log(1 + eˣ)).</summary>
    Mish,

    /// <summary>x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))/2, the approximation of <see cref="Gelu"/> that Hendrycks and Gimpel (2016) give.</summary>
    GeluTanh,

    /// <summary>x·σ(1.702·x), their other approximation.</summary>
    QuickGelu,
}

/// <summary>Activations as functions.</summary>
public static class Activations
{
    /// <summary>The function that a choice stands for.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not a member of the enumeration.</exception>
    public static Func<Tensor, Tensor> Function(this Activation activation) => activation switch
    {
        Activation.Relu => x => nn.functional.relu(x),
        Activation.Silu => x => nn.functional.silu(x),
        Activation.Tanh => tanh,
        Activation.Gelu => x => nn.functional.gelu(x),
        Activation.Mish => x => nn.functional.mish(x),
        Activation.GeluTanh => x => GeluKernel.Takes(x) ? GeluKernel.Approximate(x) : x.gelu(TorchSharp.Modules.GELU.Approximate.tanh),
        Activation.QuickGelu => x => x * (1.702 * x).sigmoid(),
        _ => throw new ArgumentOutOfRangeException(nameof(activation), activation, "There is no such activation."),
    };

    /// <summary>The activation that transformers and diffusers call by a name; null for a name that is not known.</summary>
    internal static Activation? Named(string name) => name switch
    {
        "relu" => Activation.Relu,
        "silu" or "swish" => Activation.Silu,
        "tanh" => Activation.Tanh,
        "gelu" => Activation.Gelu,
        "mish" => Activation.Mish,
        "gelu_new" or "gelu_pytorch_tanh" or "gelu-approximate" => Activation.GeluTanh,
        "quick_gelu" => Activation.QuickGelu,
        _ => null,
    };

    /// <summary>a(norm(x + addend)·(1 + scale) + shift), as one operation where there is one.</summary>
    /// <param name="activation">a.</param>
    /// <param name="norm">The normalisation.</param>
    /// <param name="x">[B, C, H, W].</param>
    /// <param name="addend">[B, C], or nothing.</param>
    /// <param name="modulation">Scale and shift of each image, [B, C] each; or nothing.</param>
    internal static Tensor After(this Activation activation, GroupNorm norm, Tensor x, Tensor? addend = null, (Tensor Scale, Tensor Shift)? modulation = null) =>
        activation == Activation.Silu ? norm.Modulated(x, addend, modulation, silu: true) : activation.Function()(norm.Modulated(x, addend, modulation));

    /// <summary>The function of a name that <see cref="Named"/> knows.</summary>
    internal static Func<Tensor, Tensor> Of(string name) => Named(name)!.Value.Function();
}
