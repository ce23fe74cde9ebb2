using Imago.Images;
using Imago.Models.Inception;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Metrics;

/// <summary>How pictures are brought to the 299×299 pixels of Inception-v3; each is named after what it reproduces up to rounding.</summary>
public enum InceptionResize
{
    /// <summary>
    /// clean-fid (Parmar et al. 2022): Pillow's antialiased bicubic on float planes, clipped to 0…255 and not rounded. The one to use where numbers of other papers need
    /// not be matched.
    /// </summary>
    Clean,

    /// <summary>The TensorFlow graph of 2015, torch-fidelity, StyleGAN: bilinear without half-pixel centres and without antialiasing.</summary>
    Tf1,

    /// <summary>pytorch-fid: bilinear with half-pixel centres and without antialiasing, on 0…1.</summary>
    Pytorch,

    /// <summary>clean-fid's <c>legacy_pytorch</c>: the same on 0…255.</summary>
    CleanLegacyPytorch,
}

/// <summary>Pictures as Inception-v3 wants them.</summary>
public static class InceptionPictures
{
    /// <summary>Pictures of 299×299 pixels as their mode leaves them: 0…255, or 0…1 in <see cref="InceptionResize.Pytorch"/>.</summary>
    /// <param name="bytes">uint8 [B, 3, H, W].</param>
    /// <param name="mode">How they are resized.</param>
    /// <returns>float32 [B, 3, 299, 299].</returns>
    /// <exception cref="ArgumentException">They are no such bytes.</exception>
    public static Tensor Resize(Tensor bytes, InceptionResize mode)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        if (bytes.dtype != uint8 || bytes.dim() != 4 || bytes.shape[1] != 3) throw new ArgumentException($"Inception looks at bytes [B, 3, H, W]; got {bytes.dtype} [{string.Join(", ", bytes.shape)}].", nameof(bytes));
        return WrappedTensorDisposeScope(() => mode switch
        {
            InceptionResize.Clean => PlaneResampling.Resize(bytes, InceptionV3.Side, InceptionV3.Side, ResampleFilter.Bicubic).clamp(0, 255),
            InceptionResize.Tf1 => TensorResizing.BilinearOfTensorFlow1(bytes.to(float32), InceptionV3.Side, InceptionV3.Side),
            InceptionResize.Pytorch => TensorResizing.Resize(bytes.to(float32) / 255, InceptionV3.Side, InceptionV3.Side, TensorFilter.Bilinear),
            InceptionResize.CleanLegacyPytorch => TensorResizing.Resize(bytes.to(float32), InceptionV3.Side, InceptionV3.Side, TensorFilter.Bilinear).clamp(0, 255),
            _ => throw new ArgumentOutOfRangeException(nameof(mode), mode, "There is no such mode."),
        });
    }

    /// <summary>Pictures ready for the network: (x − 128)/128, in the two modes called after PyTorch 2x − 1 of 0…1.</summary>
    /// <inheritdoc cref="Resize"/>
    public static Tensor Prepare(Tensor bytes, InceptionResize mode) => WrappedTensorDisposeScope(() => Normalise(Resize(bytes, mode), mode));

    /// <summary>What <see cref="Resize"/> gives, ready for the network.</summary>
    /// <param name="resized">float32 [B, 3, 299, 299].</param>
    /// <param name="mode">How they were resized.</param>
    public static Tensor Normalise(Tensor resized, InceptionResize mode) => WrappedTensorDisposeScope(() => mode switch
    {
        InceptionResize.Pytorch => 2 * resized - 1,
        InceptionResize.CleanLegacyPytorch => 2 * (resized / 255) - 1,
        _ => (resized - 128) / 128,
    });

    /// <summary>Pictures as torchvision's network wants them after undoing ImageNet's normalisation, which its <c>transform_input</c> does: (x/255 − ½)/½.</summary>
    /// <param name="bytes">uint8 [B, 3, 299, 299].</param>
    public static Tensor PrepareForTorchvision(Tensor bytes) => WrappedTensorDisposeScope(() => (bytes.to(float32) / 255 - 0.5) / 0.5);
}
