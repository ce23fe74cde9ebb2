using System.Text.Json;
using Imago.Images;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

internal sealed partial class PipelinesSet
{
    /// <summary>Pictures and masks alone: resized, read as numbers, cropped and put back.</summary>
    private static void RunPreparation(GoldenCase golden, Checks check)
    {
        var entry = golden.Entry;
        using var file = golden.Open(golden.Json("manifest.json#preprocess/file").GetString()!);
        if (entry.TryGetProperty("processor", out var processor)) check.Tensor("output", Prepared(entry, processor, file), file.Read(entry.GetProperty("output").GetString()!), entry.GetProperty("tolerance").GetDouble());
        else if (entry.TryGetProperty("result", out var box)) CompareRegion(entry, box, file, check);
        else if (entry.TryGetProperty("output_u8", out var bytes)) ComparePost(entry, bytes.GetString()!, file, check);
        else if (entry.TryGetProperty("inputs", out var inputs)) CompareOverlay(entry, inputs, file, check);
        else CompareNearest(entry, file, check);
    }

    private static Tensor Prepared(JsonElement entry, JsonElement processor, TensorFile file)
    {
        bool Flag(string key, bool otherwise) => processor.TryGetProperty(key, out var value) ? value.GetBoolean() : otherwise;
        int? Side(string key) => entry.GetProperty("args").TryGetProperty(key, out var value) ? value.GetInt32() : null;
        var (input, factor) = (file.Read(entry.GetProperty("input").GetString()!), processor.GetProperty("vae_scale_factor").GetInt32());
        var isPicture = entry.GetProperty("input_kind").GetString() == "pil";
        var (rows, columns) = isPicture ? (input.shape[0], input.shape[1]) : (input.shape[2], input.shape[3]);
        var (height, width) = ((int)(Side("height") ?? rows) / factor * factor, (int)(Side("width") ?? columns) / factor * factor);
        var pixels = isPicture ? OfPicture(entry.GetProperty("args"), PictureOf(input), width, height, Flag("do_convert_grayscale", false)) : PictureFitting.Nearest(input, height, width);
        if (!isPicture && Flag("do_convert_grayscale", false) && pixels.shape[1] == 3) throw new NotImplementedHereException("grey of a tensor in colour");
        if (Flag("do_normalize", true) && !(!isPicture && input.min().item<float>() < 0)) pixels = 2 * pixels - 1;
        return Flag("do_binarize", false) ? pixels.ge(0.5).to(float32) : pixels;
    }

    private static Tensor OfPicture(JsonElement args, PixelImage picture, int width, int height, bool isGrey)
    {
        if (args.TryGetProperty("crops_coords", out var crop) && crop.ValueKind == JsonValueKind.Array)
        {
            int[] box = [.. crop.EnumerateArray().Select(edge => edge.GetInt32())];
            picture = Resampling.Crop(picture, box[0], box[1], box[2] - box[0], box[3] - box[1]);
        }
        var fit = args.TryGetProperty("resize_mode", out var mode) ? mode.GetString() switch { "fill" => PictureFit.Fill, "crop" => PictureFit.Crop, _ => PictureFit.Stretch } : PictureFit.Stretch;
        var fitted = PictureFitting.Fit(picture, width, height, fit);
        return Pictures.ToFloat(isGrey ? ColourConversion.ToGrey(fitted) : fitted, PixelRange.ZeroToOne).unsqueeze(0);
    }

    private static void CompareRegion(JsonElement entry, JsonElement box, TensorFile file, Checks check)
    {
        int Get(string key) => entry.GetProperty("args").GetProperty(key).GetInt32();
        int[] want = [.. box.EnumerateArray().Select(edge => edge.GetInt32())];
        check.Equal("region", PictureFitting.RegionOf(PictureOf(file.Read(entry.GetProperty("input").GetString()!)), Get("width"), Get("height"), Get("pad")), new PictureRegion(want[0], want[1], want[2], want[3]));
    }

    private static void ComparePost(JsonElement entry, string bytes, TensorFile file, Checks check)
    {
        var x = (file.Read(entry.GetProperty("input").GetString()!) / 2 + 0.5).clamp(0, 1);
        check.Tensor("values", x, file.Read(entry.GetProperty("output").GetString()!), entry.GetProperty("tolerance").GetDouble());
        check.Exact("bytes", Pictures.ToBytes(x[0], PixelRange.ZeroToOne).permute(1, 2, 0), file.Read(bytes));
    }

    /// <summary>The part that was drawn stands in the operation's text: crop_coords=(x1,y1,x2,y2).</summary>
    private static void CompareOverlay(JsonElement entry, JsonElement inputs, TensorFile file, Checks check)
    {
        var pictures = inputs.EnumerateArray().Select(input => PictureOf(file.Read(input.GetString()!))).ToList();
        int[] box = [.. entry.GetProperty("operation").GetString()!.Split("crop_coords=(")[1].Split(')')[0].Split(',').Select(number => int.Parse(number, System.Globalization.CultureInfo.InvariantCulture))];
        var laid = PictureFitting.Overlay(pictures[2], pictures[1], pictures[0], new PictureRegion(box[0], box[1], box[2], box[3]));
        check.Exact("overlay", Pictures.ToBytes(laid).permute(1, 2, 0), file.Read(entry.GetProperty("output").GetString()!));
    }

    private static void CompareNearest(JsonElement entry, TensorFile file, Checks check)
    {
        var want = file.Read(entry.GetProperty("output").GetString()!);
        check.Tensor("nearest", PictureFitting.Nearest(file.Read(entry.GetProperty("input").GetString()!), want.shape[2], want.shape[3]), want, entry.GetProperty("tolerance").GetDouble());
    }
}
