using Imago.Diffusion;
using Imago.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation;

/// <summary>What a batch begins from. Its tensors belong to the dispose scope in which it is made.</summary>
/// <param name="Sample">The sample at the first level, [B, …].</param>
/// <param name="Noise">Unit normal numbers, [B, …].</param>
internal sealed record Beginning(Tensor Sample, Tensor Noise)
{
    private const byte Threshold = 128;

    /// <summary>The picture as the model draws it, [1 or B, …]; null where a run starts from noise alone.</summary>
    internal Tensor? Known { get; init; }

    /// <summary>1 where the sample is drawn anew, broadcasting over it; null for all of it.</summary>
    internal Tensor? Anew { get; init; }

    /// <summary>What a network made for inpainting is told beside the sample, [B, C', h, w].</summary>
    internal Tensor? Channels { get; init; }

    /// <summary>A drawn picture with the pixels that stay exactly as they were.</summary>
    internal Func<PixelImage, PixelImage> Restore { get; init; } = picture => picture;

    /// <summary>The sample with the part that stays as it is at that level (Lugmayr et al. 2022, Eq. 8, with the noise of the start).</summary>
    internal Tensor PutBack(Tensor sample, NoiseLevel level) =>
        Anew is null || Channels is not null ? sample : WrappedTensorDisposeScope(() => Anew * sample + (1 - Anew) * Estimates.Noisy(Known!, Noise, level));

    /// <summary>From the same picture with other noise.</summary>
    internal Beginning Renoised(Tensor noise, NoiseLevel level) => this with { Noise = noise, Sample = Estimates.Noisy(Known!, noise, level) };

    /// <summary>The beginning of a batch.</summary>
    internal static Beginning Of(DiffusionModel model, GenerationRequest request, GenerationPlan plan, long[] shape, RunNoise random) => request.Start switch
    {
        null when PublishedBeginning.IsTold(model) => throw new ArgumentException("This model is made for inpainting: it needs a picture, and a mask that is white where it is to be drawn anew."),
        null => OfNoise(plan, Initial(plan, random, shape, model.Device)),
        { } start when model.IsPublished => new PublishedBeginning(model, request, plan, shape, random).Of(start),
        { } start => OfPicture(model, plan, start, Initial(plan, random, shape, model.Device)),
    };

    internal static Beginning OfNoise(GenerationPlan plan, Tensor noise) => new(plan.InitialScale * noise, noise);

    /// <summary>Samples are kept in double precision under a published scheduler, which costs nothing beside the network.</summary>
    internal static Tensor Initial(GenerationPlan plan, RunNoise random, long[] shape, Device device) => random.Initial(shape).to(plan.Hub is null ? float32 : float64).to(device);

    /// <summary>A picture in the size of a model that Imago trained.</summary>
    private static Beginning OfPicture(DiffusionModel model, GenerationPlan plan, StartImage start, Tensor noise)
    {
        var (height, width) = plan.Size;
        if (start.MaskPadding is not null || start.Latents is not null) throw new ArgumentException("The surroundings of a mask, and latents to start from, are for published pipelines only.");
        PixelImage Sized(PixelImage image) => start.Fit is { } fit ? PictureFitting.Fit(image, width, height, fit) : Resampling.ResizeAndCrop(image, width, height, ResampleFilter.Bicubic);
        var given = start.Picture ?? Pictures.FromTensor(start.Pixels?[0] ?? throw new ArgumentException("The start holds no picture."), PixelRange.MinusOneToOne);
        var picture = Sized(model.InItsColours(given));
        var known = model.Encode(picture);
        var beginning = new Beginning(Estimates.Noisy(known, noise, plan.NoisedLevel), noise) { Known = known };
        if (start.Mask is not { } black) return beginning;
        var mask = Sized(ColourConversion.ToGrey(black));
        var pixels = Pictures.ToBytes(mask).ge(Threshold).to(float32).unsqueeze(0);
        RequireWhite(pixels);
        return beginning with { Anew = model.Codec.Mask(pixels).to(model.Device), Restore = drawn => Restored(drawn, picture, mask) };
    }

    internal static void RequireWhite(Tensor mask)
    {
        if (mask.sum().item<float>() == 0) throw new ArgumentException("The mask is black all over, so nothing would be drawn; it is white where the picture is to be drawn anew.");
    }

    /// <summary>A drawn picture with another's pixels where the mask is black.</summary>
    internal static PixelImage Restored(PixelImage drawn, PixelImage picture, PixelImage mask)
    {
        var pixels = drawn.Pixels.ToArray();
        for (var i = 0; i < pixels.Length; i++)
        {
            if (mask.Pixels[i / drawn.Channels] < Threshold) pixels[i] = picture.Pixels[i];
        }
        return drawn with { Pixels = pixels };
    }
}
