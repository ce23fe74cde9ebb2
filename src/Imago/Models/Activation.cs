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
        _ => throw new ArgumentOutOfRangeException(nameof(activation), activation, "There is no such activation."),
    };
}
