using Imago.Diffusion;
using Imago.Images;
using Imago.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation;

/// <summary>How published pipelines begin from a picture: prepared and encoded as theirs, with random numbers in their order.</summary>
internal sealed class PublishedBeginning(DiffusionModel model, GenerationRequest request, GenerationPlan plan, long[] shape, RunNoise random)
{
    private readonly LatentCodec _codec = (LatentCodec)model.Codec;

    /// <summary>Whether the network is told the mask and what is left of the picture.</summary>
    internal static bool IsTold(DiffusionModel model) => model.Network.Config is UNet2DConditionConfig unet && unet.InChannels == 2 * unet.OutChannels + 1;

    internal Beginning Of(StartImage start)
    {
        if (IsTold(model) && start.Mask is null) throw new ArgumentException("This model is made for inpainting: it needs a mask, white where the picture is to be drawn anew.");
        var prepared = start.Latents is null ? new PreparedStart(start, plan.Size) : null;
        var mask = MaskOf(start, prepared);
        var isFull = mask is not null && start.Strength == 1;
        var known = IsTold(model) && isFull ? null : Known(start, prepared);
        var isHandedOver = request.DenoisingStart is not null;
        var noise = isHandedOver && mask is null ? zeros(shape, float64, model.Device) : Beginning.Initial(plan, random, shape, model.Device);
        var told = mask is null || prepared is null ? null : LeftOver(prepared.Pixels.to(model.Device), mask);
        var sample = isFull ? plan.InitialScale * noise : isHandedOver ? known!.expand(shape).clone() : Estimates.Noisy(known!, noise, plan.NoisedLevel);
        return new Beginning(sample, noise)
        {
            Known = known,
            Anew = mask is null ? null : Latent(mask),
            Channels = told,
            Restore = prepared?.Restore ?? (drawn => drawn),
        };
    }

    private Tensor? MaskOf(StartImage start, PreparedStart? prepared)
    {
        if (start.Mask is null) return null;
        if (prepared is null) throw new ArgumentException("A mask goes with a picture, not with latents.");
        var mask = prepared.Mask!.to(model.Device);
        Beginning.RequireWhite(mask);
        return mask;
    }

    private Tensor Known(StartImage start, PreparedStart? prepared)
    {
        var known = start.Latents ?? _codec.Sample(prepared!.Pixels.to(model.Device), random.Posterior(shape).to(model.Device));
        if (known.shape[1] != shape[1] || (known.shape[0] != 1 && known.shape[0] != shape[0]))
            throw new ArgumentException($"The latents to start from are [{string.Join(", ", known.shape)}]; expected [{string.Join(", ", shape)}].");
        return known.to(float64).to(model.Device);
    }

    /// <summary>The mask, and the latents of the picture without what is drawn anew. Others than models made for inpainting draw the random numbers all the same.</summary>
    private Tensor? LeftOver(Tensor pixels, Tensor mask)
    {
        var numbers = random.Posterior(shape).to(model.Device);
        if (!IsTold(model)) return null;
        var left = _codec.Sample(pixels * mask.lt(0.5).to(float32), numbers);
        return cat([Latent(mask).expand(shape[0], -1, -1, -1), left.expand(shape[0], -1, -1, -1)], 1);
    }

    private Tensor Latent(Tensor mask) => PictureFitting.Nearest(mask, shape[2], shape[3]);
}

/// <summary>A picture and a mask at the size that is drawn.</summary>
internal sealed class PreparedStart
{
    private const double MostBent = 1.05;

    internal PreparedStart(StartImage start, (int Height, int Width) size)
    {
        var (height, width) = size;
        var picture = start.Picture is { } given ? ColourConversion.ToColour(given, AlphaMode.OnWhite) : null;
        if (picture is null && start.Pixels is null) throw new ArgumentException("The start holds no picture.");
        if (start.MaskPadding is not null && (picture is null || start.Mask is null)) throw new ArgumentException("The surroundings of a mask need a picture and a mask.");
        if (start.Mask is { } sized && start.MaskPadding is not null && (sized.Width, sized.Height) != (picture!.Width, picture.Height))
            throw new ArgumentException($"The mask has {sized.Width}×{sized.Height} pixels, the picture {picture.Width}×{picture.Height}; they must be of one size.");
        RequireShape(start.Mask, picture);
        PictureRegion? region = start.MaskPadding is { } padding ? PictureFitting.RegionOf(start.Mask!, width, height, padding) : null;
        var fit = start.Fit ?? (region is null ? PictureFit.Stretch : PictureFit.Fill);
        PixelImage Sized(PixelImage image) => PictureFitting.Fit(region is { } box ? Resampling.Crop(image, box.Left, box.Top, box.Width, box.Height) : image, width, height, fit);
        var fitted = picture is null ? null : Sized(picture);
        Pixels = fitted is null ? PictureFitting.Nearest(start.Pixels!, height, width) : Pictures.ToFloat(fitted, PixelRange.ZeroToOne).unsqueeze(0) * 2 - 1;
        if (start.Mask is not { } mask) return;
        var grey = ColourConversion.ToGrey(Sized(mask));
        Mask = Pictures.ToFloat(grey, PixelRange.ZeroToOne).unsqueeze(0).ge(0.5).to(float32);
        var under = fitted ?? Pictures.FromTensor(Pixels[0], PixelRange.MinusOneToOne);
        Restore = region is null
            ? drawn => Beginning.Restored(drawn, under, grey)
            : drawn => PictureFitting.Overlay(drawn, picture!, mask, region);
    }

    /// <summary>A mask may have another size than the picture, but not another shape: it would be bent.</summary>
    private static void RequireShape(PixelImage? mask, PixelImage? picture)
    {
        if (mask is null || picture is null) return;
        var (across, down) = ((double)mask.Width / picture.Width, (double)mask.Height / picture.Height);
        if (Math.Max(across, down) > MostBent * Math.Min(across, down))
            throw new ArgumentException($"The mask has {mask.Width}×{mask.Height} pixels, the picture {picture.Width}×{picture.Height}; they must have one shape, as the mask is laid over the picture.");
    }

    /// <summary>[1, 3, H, W] in [−1, 1].</summary>
    internal Tensor Pixels { get; }

    /// <summary>[1, 1, H, W], 1 where the picture is drawn anew; null without a mask.</summary>
    internal Tensor? Mask { get; }

    /// <summary>A drawn picture with what stays of the given one.</summary>
    internal Func<PixelImage, PixelImage> Restore { get; } = drawn => drawn;
}
