using System.Text.Json;
using Imago.Data;
using Imago.Images;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

internal sealed partial class FormatsSet
{
    private const int LossyLevels = 2;

    private static void RunImages(GoldenCase golden, Checks check)
    {
        if (golden.Entry.TryGetProperty("expected", out var expected)) RunValidImages(golden, check, golden.Open(expected.GetString()!));
        else RunInvalidImages(golden, check);
    }

    private static void RunValidImages(GoldenCase golden, Checks check, TensorFile expected)
    {
        var config = Config(golden);
        foreach (var path in Files(golden))
        {
            var (name, entry) = (Path.GetFileName(path), EntryOf(config, path));
            var (file, size) = (golden.PathOf(path), entry.GetProperty("size"));
            var header = ImageFile.Inspect(File.ReadAllBytes(file), name);
            check.True($"{name} format", header.Format.Equals(entry.GetProperty("format").GetString(), StringComparison.OrdinalIgnoreCase));
            var plain = ImageFile.Read(file, ImageReadOptions.AsPillow);
            check.Equal($"{name} size", (plain.Width, plain.Height), (size[0].GetInt32(), size[1].GetInt32()));
            var sixteen = expected.Contains($"{name}/native_16");                              // where Pillow clips to white, Imago keeps the high byte
            Compare("convert_rgb", plain, 3, sixteen);
            Compare("convert_l", ColourConversion.ToGrey(plain), 1, sixteen);
            Compare("convert_rgba", ImageFile.Read(file, new ImageReadOptions { Alpha = AlphaMode.Keep, Upright = false }), 4);
            Compare("on_white", ImageFile.Read(file, new ImageReadOptions { Alpha = AlphaMode.OnWhite, Upright = false }), 3);
            var upright = ImageFile.Read(file, new ImageReadOptions { Alpha = AlphaMode.Drop });
            if (expected.Contains($"{name}/exif_transpose")) Compare("exif_transpose", upright, 3);
            else check.True($"{name} is upright", upright.Pixels.SequenceEqual(plain.Pixels));

            void Compare(string conversion, PixelImage got, int channels, bool highByte = false)
            {
                if (!expected.Contains($"{name}/{conversion}")) return;
                var want = highByte ? HighByte(expected.Read($"{name}/native_16"), channels) : expected.Read($"{name}/{conversion}");
                var pixels = channels switch
                {
                    3 => ColourConversion.ToColour(got).Pixels,
                    4 => got.Channels == 4 ? got.Pixels : [.. ColourConversion.ToColour(got).Pixels.Chunk(3).SelectMany(rgb => (byte[])[.. rgb, 255])],
                    _ => got.Pixels,
                };
                CheckPixels(check, $"{name}/{conversion}", got.Width, got.Height, pixels, want, entry.GetProperty("exact").GetBoolean() ? 0 : LossyLevels);
            }
        }
    }

    private static Tensor HighByte(Tensor sixteen, int channels)
    {
        var high = (sixteen / 256).floor().to(uint8);
        return channels == 1 ? high : high.unsqueeze(2).expand(-1, -1, channels).contiguous();
    }

    private static void CheckPixels(Checks check, string what, int width, int height, byte[] pixels, Tensor want, int levels)
    {
        check.True($"{what} shape", want.shape[0] == height && want.shape[1] == width && want.numel() == pixels.Length);
        var worst = want.numel() == pixels.Length ? want.bytes.ToArray().Zip(pixels, (a, b) => Math.Abs(a - b)).Max() : 255;
        check.True(what, worst <= levels, $"differs by {worst} grey levels, {levels} allowed");
    }

    // What Pillow refuses must be refused. What it reads may be refused, or must have the size that it says.
    private static void RunInvalidImages(GoldenCase golden, Checks check)
    {
        var config = Config(golden);
        foreach (var path in Files(golden))
        {
            var verdict = EntryOf(config, path).GetProperty("default").GetString()!;
            if (verdict.StartsWith("reject", StringComparison.Ordinal)) check.Refused(path, () => ImageFile.Read(golden.PathOf(path)));
            else RefusedOrBounded(check, path, () =>
            {
                var image = ImageFile.Read(golden.PathOf(path));
                if (!verdict.EndsWith($" {image.Width}x{image.Height}", StringComparison.Ordinal)) throw new InvalidDataException($"{image.Width}×{image.Height}, expected {verdict}");
            });
        }
    }

    private static void RunIdx(GoldenCase golden, Checks check)
    {
        using var expected = golden.Open(golden.Entry.GetProperty("expected").GetString()!);
        foreach (var path in Files(golden))
        {
            var file = IdxFile.Read(golden.PathOf(path));
            var want = expected.Read(expected.Tensors.Single(tensor => tensor.Name == path || tensor.Name == Path.GetFileName(path)).Name);
            var got = file.ToTensor();
            check.Equal($"{path} type", got.dtype, want.dtype);
            check.Exact(path, got, want);
        }
        foreach (var path in Files(golden, "invalid")) check.Refused(path, () => IdxFile.Read(golden.PathOf(path)));
    }
}
