using System.Text.Json;
using Imago.Images;
using Imago.Metrics;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>Pairs of images, and files of images.</summary>
internal sealed partial class MetricsSet
{
    private static void RunPairs(GoldenCase golden, Checks check)
    {
        using var file = golden.Open(InputFile(golden, ".safetensors"));
        foreach (var pair in golden.Json(golden.Entry.GetProperty("json").GetString()!).GetProperty("expected").EnumerateObject())
        {
            using var scope = NewDisposeScope();
            var (group, kind) = (pair.Name.Split('.')[0], pair.Name.Split('.')[1]);
            var reference = file.Read($"{group}.reference").permute(0, 3, 1, 2).to(float64);
            var image = kind switch
            {
                "same" => reference,
                "inverted" => 255 - reference,
                "shift" => reference.roll(1, 3),
                _ => file.Read(pair.Name).permute(0, 3, 1, 2).to(float64),
            };
            foreach (var measure in pair.Value.EnumerateObject()) ComparePair($"{pair.Name}.{measure.Name}", measure.Name, image, reference, measure.Value, SinglePrecisionError(measure, pair.Value), golden, check);
            if (file.Contains($"{pair.Name}.ssim_map_skimage_image0"))
            {
                var whole = file.Read($"{pair.Name}.ssim_map_skimage_image0").permute(2, 0, 1);
                var border = SsimOptions.Gaussian.WindowSide / 2;
                var inner = whole.narrow(1, border, whole.shape[1] - 2 * border).narrow(2, border, whole.shape[2] - 2 * border);
                Within($"{pair.Name} map", StructuralSimilarity.Map(image[..1], reference[..1], peak: 255)[0], inner, Tolerance(golden, "ssim skimage", "abs"), check);
            }
        }
    }

    /// <summary>How far the library's float32 number is from its own float64 one, where it has both.</summary>
    private static double SinglePrecisionError(JsonProperty measure, JsonElement pair) =>
        measure.Value.ValueKind == JsonValueKind.Array && pair.TryGetProperty($"{measure.Name}_double", out var exact) ? (Doubles(measure.Value) - Doubles(exact)).abs().max().item<double>() : 0;

    private static void ComparePair(string name, string measure, Tensor image, Tensor reference, JsonElement expected, double rounding, GoldenCase golden, Checks check)
    {
        var tolerance = measure.StartsWith("psnr_skimage", StringComparison.Ordinal) || measure == "mse" ? Tolerance(golden, "psnr", "rel")
            : measure.StartsWith("ssim_skimage", StringComparison.Ordinal) ? Tolerance(golden, "ssim skimage", "abs") : Tolerance(golden, measure.Contains("double", StringComparison.Ordinal) ? "double" : "float", "abs") + rounding;
        Tensor Ssim(SsimOptions options) => StructuralSimilarity.Of(image, reference, options, peak: 255);
        Func<Tensor> compute = measure switch
        {
            "mse" => () => (image - reference).square().flatten(1).mean([1L]),
            "psnr_skimage_uint8" => () => ImageQuality.Psnr(image, reference, peak: 255),
            "psnr_torchmetrics_batch_float01" => () => ImageQuality.PsnrOfError((image - reference).square().mean(), peak: 255),
            "ssim_skimage_gaussian" => () => Ssim(SsimOptions.Gaussian),
            "ssim_skimage_gaussian_default_covariance" => () => Ssim(SsimOptions.ScikitImageGaussian),
            "ssim_skimage_default_uniform7" => () => Ssim(SsimOptions.ScikitImageUniform),
            "ssim_skimage_gaussian_channel1_only" => () => StructuralSimilarity.Of(image[.., 1..2], reference[.., 1..2], peak: 255),
            _ when measure.StartsWith("ssim_pytorch_msssim", StringComparison.Ordinal) => () => Ssim(SsimOptions.PytorchMsssim),
            _ when measure.StartsWith("ssim_torchmetrics", StringComparison.Ordinal) => () => Ssim(SsimOptions.Torchmetrics),
            _ when measure.StartsWith("ms_ssim_pytorch_msssim", StringComparison.Ordinal) => () => StructuralSimilarity.MultiScale(image, reference, SsimOptions.PytorchMsssim, peak: 255),
            _ when measure.StartsWith("ms_ssim_torchmetrics", StringComparison.Ordinal) => () => StructuralSimilarity.MultiScale(image, reference, SsimOptions.Torchmetrics, peak: 255),
            _ => throw new NotImplementedHereException($"the measure {measure}"),
        };
        if (expected.ValueKind == JsonValueKind.Object) check.True(name, IsRefused(() => compute()), "was accepted, must be refused");
        else if (expected.ValueKind == JsonValueKind.Array && measure.Contains("ssim", StringComparison.Ordinal)) Within(name, compute(), Doubles(expected), tolerance, check);
        else if (expected.ValueKind == JsonValueKind.Array) check.Tensor(name, compute(), Doubles(expected), tolerance);
        else check.Scalar(name, compute().item<double>(), expected.Number(), tolerance);
    }

    private static void RunDecoding(GoldenCase golden, Checks check)
    {
        var json = golden.Entry.GetProperty("json").GetString()!;
        using var expected = golden.Open(golden.Entry.GetProperty("outputs")[0].GetString()!.Split(':')[0]);
        var root = golden.Json(json);
        foreach (var path in Directory.EnumerateFiles(Path.GetDirectoryName(golden.PathOf(json))!, "*.png").Order(StringComparer.Ordinal))
        {
            var name = Path.GetFileNameWithoutExtension(path);
            if (!expected.Contains(name))
            {
                check.Refused(name, () => ImageFile.Read(path, ImageReadOptions.AsPillow));
                continue;
            }
            var want = expected.Read(name);
            var image = ColourConversion.ToColour(ImageFile.Read(path, ImageReadOptions.AsPillow), AlphaMode.Drop);
            var got = tensor(image.Pixels).view(image.Height, image.Width, 3);
            // Pillow turns 16-bit grey white wherever it exceeds 255; Imago keeps the high byte, which is what the file shows.
            if (root.GetProperty("pillow_modes").GetProperty(name).GetString()!.StartsWith("I;16", StringComparison.Ordinal)) check.True(name, want.eq(255).logical_or(got.eq(0)).all().item<bool>(), "is neither the high byte nor saturated");
            else check.Exact(name, got, want);
        }
    }
}
