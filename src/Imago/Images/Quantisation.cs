using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Images;

/// <summary>
/// The ways in which libraries turn numbers into bytes before pictures are measured. They differ by one level where a number lies between two, which FID sees; Imago
/// writes pictures by <see cref="Pictures.ToBytes(Tensor, PixelRange)"/>, whose rule is diffusers'.
/// </summary>
public static class Quantisation
{
    /// <summary>Of 0…255: clipped, and cut to the level below (clean-fid's resizing by PyTorch).</summary>
    /// <param name="levels">Numbers of any shape.</param>
    public static Tensor Truncated(Tensor levels) => Cut(() => levels);

    /// <summary>Of 0…255: clipped, and rounded half to even (NumPy's <c>rint</c>).</summary>
    /// <inheritdoc cref="Truncated" path="/param"/>
    public static Tensor Rounded(Tensor levels) => Cut(() => levels.clamp(0, 255).round());

    /// <summary>Of −1…1: 127.5x + 128, clipped and cut (StyleGAN2-ADA).</summary>
    /// <param name="x">Numbers of any shape.</param>
    public static Tensor StyleGan(Tensor x) => Cut(() => x * 127.5 + 128);

    /// <summary>Of 0…1: 255x + ½, clipped and cut (torchvision's <c>save_image</c>).</summary>
    /// <inheritdoc cref="StyleGan" path="/param"/>
    public static Tensor Torchvision(Tensor x) => Cut(() => x * 255 + 0.5);

    /// <summary>Of −1…1: x/2 + ½ clipped to 0…1, times 255, rounded half to even (diffusers).</summary>
    /// <inheritdoc cref="StyleGan" path="/param"/>
    public static Tensor Diffusers(Tensor x) => Cut(() => ((x / 2 + 0.5).clamp(0, 1) * 255).round());

    /// <summary>Of −1…1: 127.5(x + 1), clipped and cut (guided-diffusion).</summary>
    /// <inheritdoc cref="StyleGan" path="/param"/>
    public static Tensor GuidedDiffusion(Tensor x) => Cut(() => (x + 1) * 127.5);

    private static Tensor Cut(Func<Tensor> levels) => WrappedTensorDisposeScope(() => levels().clamp(0, 255).to(uint8));
}
