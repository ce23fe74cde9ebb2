using Imago.Weights;
using SkiaSharp;

namespace Imago.Images;

/// <summary>How a picture is read.</summary>
public sealed record ImageReadOptions
{
    /// <summary>What becomes of transparency.</summary>
    public AlphaMode Alpha { get; init; }

    /// <summary>Whether the picture is turned as its Exif orientation says.</summary>
    public bool Upright { get; init; } = true;

    /// <summary>What Pillow's <c>Image.open(f).convert("RGB")</c> does, and so the reference implementations of the metrics: alpha dropped, orientation ignored.</summary>
    public static ImageReadOptions AsPillow { get; } = new() { Alpha = AlphaMode.Drop, Upright = false };
}

/// <summary>What the header of an image file says.</summary>
/// <param name="Format"><c>png</c>, <c>jpeg</c>, <c>webp</c>, <c>gif</c> or <c>bmp</c>.</param>
/// <param name="Width">Columns as they are shown, orientation respected.</param>
/// <param name="Height">Rows as they are shown.</param>
/// <param name="Channels">1 for grey, 3 for colour, 4 for colour with alpha.</param>
public sealed record ImageHeader(string Format, int Width, int Height, int Channels);

/// <summary>
/// Image files, read as bytes that mean what the file says: no colour management, no gamma, no premultiplication; the first frame of an animation;
/// the high byte of 16-bit samples. Read: PNG, JPEG, WebP, GIF, BMP; written: PNG, JPEG, WebP, GIF.
/// </summary>
/// <remarks>The pixels equal Pillow's, to the last bit for lossless files (16-bit grey apart, which Pillow clips to white).</remarks>
public static class ImageFile
{
    private const long MaximumFileBytes = 512L << 20;

    /// <summary>Names that image files end with.</summary>
    public static IReadOnlyList<string> Extensions { get; } = [".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp"];

    /// <summary>Whether a file is an image by its name.</summary>
    public static bool HasImageName(string path) => Extensions.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase);

    /// <summary>Reads a picture.</summary>
    /// <exception cref="DataException">The file is missing, no image, damaged, or of more than 178,956,970 pixels.</exception>
    public static PixelImage Read(string path, ImageReadOptions? options = null) => Decode(ReadBytes(path), path, options);

    /// <summary>Decodes a picture in memory.</summary>
    /// <param name="file">The bytes of the file.</param>
    /// <param name="name">What messages call it.</param>
    /// <param name="options">How it is read.</param>
    /// <exception cref="DataException">It is no image, damaged, or of more than 178,956,970 pixels.</exception>
    public static PixelImage Decode(byte[] file, string name, ImageReadOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(file);
        options ??= new ImageReadOptions();
        using var codec = Open(file, name);
        var image = Decode(codec, name, options.Alpha);
        // Skia blanks the transparent pixels of a GIF. Where their colours count, the file is read once more with its transparency switched off.
        if (codec.EncodedFormat == SKEncodedImageFormat.Gif && codec.Info.AlphaType != SKAlphaType.Opaque && options.Alpha != AlphaMode.OnWhite)
        {
            using var opaque = Open(GifTransparency.Remove(file), name);
            image = WithColours(image, Decode(opaque, name, AlphaMode.Drop));
        }
        return options.Upright ? Orientation.Apply(image, OrientationOf(codec, file)) : image;
    }

    /// <summary>Reads the header alone.</summary>
    /// <inheritdoc cref="Decode(byte[], string, ImageReadOptions)" path="/exception"/>
    public static ImageHeader Inspect(byte[] file, string name)
    {
        ArgumentNullException.ThrowIfNull(file);
        using var codec = Open(file, name);
        var turned = OrientationOf(codec, file) is >= 5 and <= 8;
        var (width, height) = turned ? (codec.Info.Height, codec.Info.Width) : (codec.Info.Width, codec.Info.Height);
        return new ImageHeader(codec.EncodedFormat.ToString().ToLowerInvariant(), width, height, ChannelsOf(codec, AlphaMode.Keep));
    }

    /// <summary>Writes a picture under a temporary name and renames it; the format is that of the name's ending.</summary>
    /// <param name="path">Ends with .png, .jpg, .jpeg, .webp or .gif.</param>
    /// <param name="image">The picture.</param>
    /// <param name="quality">Of JPEG, 1 to 100, and of WebP, where 100 is lossless.</param>
    /// <exception cref="ArgumentException">The ending names no format that is written.</exception>
    /// <exception cref="ImagoException">The file cannot be written.</exception>
    public static void Write(string path, PixelImage image, int quality = 95)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var file = Encode(image, Path.GetExtension(path), quality);
        AtomicFile.Write(path, stream => stream.Write(file));
    }

    /// <summary>Encodes a picture.</summary>
    /// <param name="image">The picture; JPEG has no transparency and lays it on white.</param>
    /// <param name="extension">.png, .jpg, .jpeg, .webp or .gif.</param>
    /// <param name="quality">Of JPEG, 1 to 100, and of WebP, where 100 is lossless.</param>
    public static byte[] Encode(PixelImage image, string extension, int quality = 95)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(extension);
        ArgumentOutOfRangeException.ThrowIfLessThan(quality, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(quality, 100);
        return extension.ToLowerInvariant() switch
        {
            ".png" => Encode(image, pixmap => pixmap.Encode(new SKPngEncoderOptions(SKPngEncoderFilterFlags.AllFilters, 6))),
            ".jpg" or ".jpeg" => Encode(image.Channels == 4 ? ColourConversion.ToColour(image) : image, pixmap => pixmap.Encode(JpegOptions(quality))),
            ".webp" => Encode(image, pixmap => pixmap.Encode(quality == 100
                ? new SKWebpEncoderOptions(SKWebpEncoderCompression.Lossless, 75)
                : new SKWebpEncoderOptions(SKWebpEncoderCompression.Lossy, quality))),
            ".gif" => GifFile.Encode([image], 1),
            var other => throw new ArgumentException($"'{other}' is no image format that is written; choose .png, .jpg, .webp or .gif.", nameof(extension)),
        };
    }

    /// <summary>The bytes of an image file, which must be of a sane length.</summary>
    internal static byte[] ReadBytes(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            var length = LinkedFile.Length(path);
            if (length > MaximumFileBytes) throw new DataException($"{path}: {length:N0} bytes are too many for an image file (at most {MaximumFileBytes:N0}).");
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{path}: cannot be read: {e.Message}", e);
        }
    }

    private static SKCodec Open(byte[] file, string name)
    {
        using var data = SKData.CreateCopy(file);
        var codec = SKCodec.Create(data) ?? throw new DataException($"{name}: {(file.Length == 0 ? "the file is empty." : "is no image, or its header is damaged (read are PNG, JPEG, WebP, GIF and BMP).")}");
        try
        {
            ImageFormatLimits.CheckSize(codec.Info.Width, codec.Info.Height, name);
            if (codec.EncodedFormat is SKEncodedImageFormat.Png or SKEncodedImageFormat.Jpeg or SKEncodedImageFormat.Webp or SKEncodedImageFormat.Gif or SKEncodedImageFormat.Bmp) return codec;
            throw new DataException($"{name}: is {codec.EncodedFormat}; read are PNG, JPEG, WebP, GIF and BMP.");
        }
        catch (DataException)
        {
            codec.Dispose();
            throw;
        }
    }

    // Without a colour space in the target, Skia converts no colours; with straight alpha, it loses none.
    private static unsafe PixelImage Decode(SKCodec codec, string name, AlphaMode alpha)
    {
        var grey = codec.Info.ColorType == SKColorType.Gray8;
        var opaque = codec.Info.AlphaType == SKAlphaType.Opaque;
        var info = new SKImageInfo(codec.Info.Width, codec.Info.Height, grey ? SKColorType.Gray8 : SKColorType.Rgba8888, opaque ? SKAlphaType.Opaque : SKAlphaType.Unpremul, null);
        var pixels = new byte[info.BytesSize64];
        SKCodecResult result;
        fixed (byte* at = pixels) result = codec.GetPixels(info, (nint)at);
        if (result != SKCodecResult.Success) throw new DataException($"{name}: the image data are {(result == SKCodecResult.IncompleteInput ? "cut off or damaged" : $"damaged ({result})")}.");
        var image = new PixelImage(info.Width, info.Height, grey ? 1 : 4, pixels);
        return grey || (!opaque && alpha == AlphaMode.Keep) ? image : ColourConversion.ToColour(image, opaque ? AlphaMode.Drop : alpha);
    }

    private static int ChannelsOf(SKCodec codec, AlphaMode alpha) =>
        codec.Info.ColorType == SKColorType.Gray8 ? 1 : codec.Info.AlphaType != SKAlphaType.Opaque && alpha == AlphaMode.Keep ? 4 : 3;

    private static int OrientationOf(SKCodec codec, byte[] file) =>
        codec.EncodedFormat == SKEncodedImageFormat.Png ? Orientation.OfPng(file) : (int)codec.EncodedOrigin;

    private static PixelImage WithColours(PixelImage image, PixelImage colours)
    {
        if (image.Channels == 3) return colours;
        var pixels = ColourConversion.ToRgba(colours);
        for (var i = 3; i < pixels.Length; i += 4) pixels[i] = image.Pixels[i];
        return image with { Pixels = pixels };
    }

    private static SKJpegEncoderOptions JpegOptions(int quality) =>
        new(quality, quality >= 90 ? SKJpegEncoderDownsample.Downsample444 : SKJpegEncoderDownsample.Downsample420, SKJpegEncoderAlphaOption.Ignore);

    private static unsafe byte[] Encode(PixelImage image, Func<SKPixmap, SKData?> encode)
    {
        ImageFormatLimits.CheckSize(image.Width, image.Height, "the picture to write");
        if (image.Pixels.LongLength != (long)image.Width * image.Height * image.Channels || image.Channels is not (1 or 3 or 4))
            throw new ArgumentException($"{image.Pixels.Length} bytes are no picture of {image.Width}×{image.Height} pixels with {image.Channels} channels.", nameof(image));
        var grey = image.Channels == 1;
        var pixels = grey ? image.Pixels : ColourConversion.ToRgba(image);
        var info = new SKImageInfo(image.Width, image.Height, grey ? SKColorType.Gray8 : SKColorType.Rgba8888, image.Channels == 4 ? SKAlphaType.Unpremul : SKAlphaType.Opaque, null);
        fixed (byte* at = pixels)
        {
            using var pixmap = new SKPixmap(info, (nint)at);
            using var data = encode(pixmap) ?? throw new ImagoException($"Skia could not encode a picture of {image.Width}×{image.Height} pixels; WebP and JPEG hold at most 16,383 and 65,535 a side, choose PNG.");
            return data.ToArray();
        }
    }
}
