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
            else RefusedOrBounded(check, golden.PathOf(path), path, () =>
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

    private static void RunParquet(GoldenCase golden, Checks check)
    {
        var config = Config(golden);
        using var expected = golden.Open(golden.Entry.GetProperty("expected").GetString()!);
        foreach (var path in Files(golden))
        {
            var want = config.GetProperty("files").GetProperty(path).GetString()!;
            if (want.StartsWith("error", StringComparison.Ordinal))
            {
                check.Refused(path, () => OpenParquet(golden, path));
                continue;
            }
            var set = OpenParquet(golden, path);
            if (want == "none") check.Equal($"{path} rows", set.Count, 0);
            else if (config.TryGetProperty(want, out var rows)) CheckRows(check, path, set, rows, expected, config);
            else CheckBroken(check, path, set, want, expected);
        }
        foreach (var path in Files(golden, "invalid")) check.Refused(path, () => OpenParquet(golden, path));
    }

    private static ParquetImageDataset OpenParquet(GoldenCase golden, string path) => new(Path.GetFileNameWithoutExtension(path), [golden.PathOf(path)]);

    private static void CheckRows(Checks check, string path, ParquetImageDataset set, JsonElement rows, TensorFile expected, JsonElement config)
    {
        check.Equal($"{path} rows", set.Count, rows.GetArrayLength());
        List<string> classes = [.. config.GetProperty("label_names").EnumerateArray().Select(name => name.GetString()!)];
        foreach (var (index, row) in rows.EnumerateArray().Index())
        {
            var what = $"{path}, row {index}";
            if (row.ValueKind == JsonValueKind.Object && row.TryGetProperty("has_bytes", out var has) && !has.GetBoolean())
            {
                check.Refused(what, () => set.Get(index));
                continue;
            }
            var item = set.Get(index);
            CheckPixels(check, what, item.Image.Width, item.Image.Height, ColourConversion.ToColour(item.Image, AlphaMode.Drop).Pixels, expected.Read($"images/{index}"), row.ToString().Contains(".jpg", StringComparison.Ordinal) ? LossyLevels : 0);
            if (row.ValueKind == JsonValueKind.Array) check.Equal($"{what} caption", item.Caption, row[0].GetString());
            else CheckColumns(check, what, set, item, row, classes);
        }
    }

    private static void CheckColumns(Checks check, string what, ParquetImageDataset set, ImageItem item, JsonElement row, List<string> classes)
    {
        check.Equal($"{what} label", item.Label, row.GetProperty("label").ValueKind == JsonValueKind.Null ? null : row.GetProperty("label").GetInt32());
        if (set.ClassNames.Count == classes.Count) check.True($"{what} classes", set.ClassNames.SequenceEqual(classes));
        if (set.Attributes.Count == 0) return;                                                    // a file without the columns caption and size
        check.Equal($"{what} caption", item.Caption, row.GetProperty("caption").GetString());
        check.Scalar($"{what} size", item.Attributes[0], row.GetProperty("size").ValueKind == JsonValueKind.Null ? double.NaN : row.GetProperty("size").GetDouble(), 0);
    }

    // "rows 0 and 2; row 1 is broken": every row is either an image or refused, and what is said to be broken is refused.
    private static void CheckBroken(Checks check, string path, ParquetImageDataset set, string want, TensorFile expected)
    {
        var broken = System.Text.RegularExpressions.Regex.Matches(want, @"row (\d+) is broken").Select(match => int.Parse(match.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture)).ToHashSet();
        check.True($"{path}: something is said to be broken", broken.Count > 0);
        for (var index = 0; index < set.Count; index++)
        {
            var at = index;
            if (broken.Contains(index)) check.Refused($"{path}, row {index}", () => set.Get(at));
            else CheckPixels(check, $"{path}, row {index}", set.Get(index).Image.Width, set.Get(index).Image.Height, ColourConversion.ToColour(set.Get(index).Image, AlphaMode.Drop).Pixels, expected.Read($"images/{index}"), LossyLevels);
        }
    }
}
