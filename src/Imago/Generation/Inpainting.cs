using Imago.Diffusion;
using Imago.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation;

/// <summary>A picture that a run starts from, and the part of it that stays. Its tensors belong to the dispose scope in which it is made.</summary>
internal sealed class Inpainting
{
    private readonly PixelImage _picture;
    private readonly PixelImage? _mask;
    private readonly Tensor? _anew;

    internal Inpainting(DiffusionModel model, StartImage start)
    {
        var (height, width) = (model.Config.Height, model.Config.Width);
        _picture = model.Fit(start.Picture);
        Known = model.Encode(_picture);
        if (start.Mask is not { } mask) return;
        _mask = Resampling.ResizeAndCrop(ColourConversion.ToGrey(mask), width, height, ResampleFilter.Bicubic);
        var pixels = Pictures.ToBytes(_mask).ge(Threshold).to(float32).unsqueeze(0);
        if (pixels.sum().item<float>() == 0) throw new ArgumentException("The mask is black all over, so nothing would be drawn; it is white where the picture is to be drawn anew.");
        _anew = model.Codec.Mask(pixels).to(model.Device);
    }

    private const byte Threshold = 128;

    /// <summary>The picture as the model knows it, [1, …].</summary>
    internal Tensor Known { get; }

    /// <summary>The sample with the part that stays as it is at that level (Lugmayr et al. 2022, Eq. 8, with the noise of the start).</summary>
    internal Tensor PutBack(Tensor sample, NoiseLevel level, Tensor noise) =>
        _anew is null ? sample : WrappedTensorDisposeScope(() => _anew * sample + (1 - _anew) * Estimates.Noisy(Known, noise, level));

    /// <summary>The picture with the pixels that stay exactly as they were.</summary>
    internal PixelImage Restore(PixelImage drawn)
    {
        if (_mask is null) return drawn;
        var pixels = drawn.Pixels.ToArray();
        for (var i = 0; i < pixels.Length; i++)
        {
            if (_mask.Pixels[i / drawn.Channels] < Threshold) pixels[i] = _picture.Pixels[i];
        }
        return drawn with { Pixels = pixels };
    }
}
