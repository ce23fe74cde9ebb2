namespace Imago.Images;

/// <summary>Bounds that are checked before anything is allocated for a picture.</summary>
internal static class ImageFormatLimits
{
    /// <summary>Pillow's limit against decompression bombs: pictures of more pixels are refused.</summary>
    internal const long MaximumPixels = 178_956_970;

    /// <summary>Throws if a picture has no pixel, or too many.</summary>
    internal static void CheckSize(long width, long height, string what)
    {
        if (width < 1 || height < 1) throw new DataException($"{what}: {width}×{height} pixels; a picture has at least one.");
        if (width > int.MaxValue || height > int.MaxValue || width * height > MaximumPixels)
            throw new DataException($"{what}: {width}×{height} pixels exceed the limit of {MaximumPixels:N0}; it may be a decompression bomb.");
    }
}
