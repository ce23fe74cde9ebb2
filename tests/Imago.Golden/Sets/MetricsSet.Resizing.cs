using System.Text.Json;
using Imago.Images;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>Resizing by Pillow's rules, clean-fid's and PyTorch's, and the ways from numbers to bytes.</summary>
internal sealed partial class MetricsSet
{
    private static void RunResizing(GoldenCase golden, Checks check)
    {
        var root = golden.Json(golden.Entry.GetProperty("json").GetString()!);
        using var inputs = golden.Open(InputFile(golden, ".safetensors"));
        using var outputs = golden.Open(golden.Entry.GetProperty("outputs")[0].GetString()!.Split(':')[0]);
        foreach (var name in outputs.Tensors.Select(tensor => tensor.Name).Where(name => !name.Contains("box_region", StringComparison.Ordinal)))      // of which box, no file says
        {
            using var scope = NewDisposeScope();
            var (parts, want) = (name.Split('.'), outputs.Read(name));
            var source = inputs.Read(parts[1].Contains("rgba", StringComparison.Ordinal) ? $"{parts[0]}_rgba" : parts[0]);
            if (parts[1].StartsWith("torch", StringComparison.Ordinal)) CompareTorch(name, source, want, golden, check);
            else if (parts[1].StartsWith("clean_fid", StringComparison.Ordinal)) CompareCleanFid(name, source, want, golden, check);
            else if (parts[1].StartsWith("pil_float", StringComparison.Ordinal)) Within(name, Planes(source[.., .., 0..1], want, Filter(parts[^1])).squeeze(), want.squeeze(), Tolerance(golden, "float", "abs"), check);
            else ComparePillow(name, source, want, check);
        }
        CompareQuantisation(root.GetProperty("quantisation"), check);
    }

    private static void ComparePillow(string name, Tensor source, Tensor want, Checks check)
    {
        var (kind, filter) = (name.Split('.')[1], Filter(name.Split('.')[^1]));
        var image = new PixelImage((int)source.shape[1], (int)source.shape[0], (int)source.shape[2], source.bytes.ToArray());
        var order = kind.Contains("horizontal_first", StringComparison.Ordinal) ? ResampleOrder.HorizontalFirst : ResampleOrder.Pillow13;
        var (width, height) = ((int)want.shape[1], (int)want.shape[0]);
        if (kind.Contains("grey", StringComparison.Ordinal)) image = new PixelImage(image.Width, image.Height, 1, [.. image.Pixels.Chunk(3).Select(pixel => pixel[1])]);
        var got = Resampling.Resize(image, width, height, filter, order: order);
        check.Exact(name, tensor(got.Pixels).view(want.shape), want);
    }

    private static void CompareTorch(string name, Tensor source, Tensor want, GoldenCase golden, Checks check)
    {
        var parts = name.Split('.');
        var filter = parts[2] switch { "nearest" => TensorFilter.Nearest, "nearest_exact" => TensorFilter.NearestExact, "bilinear" => TensorFilter.Bilinear, "bicubic" => TensorFilter.Bicubic, "area" => TensorFilter.Area, var other => throw new NotImplementedHereException($"the interpolation {other}") };
        var (planes, width, height, antialias) = (source.permute(2, 0, 1).unsqueeze(0), (int)want.shape[2], (int)want.shape[1], parts.Length > 3);
        if (parts[1] == "torch_uint8") Within(name, TensorResizing.ResizeBytes(planes, width, height, filter, antialias)[0], want, Tolerance(golden, "torch_uint8", "abs"), check);
        else Within(name, TensorResizing.Resize(planes.to(float32), width, height, filter, antialias)[0], want, Tolerance(golden, "float", "abs"), check);
    }

    private static void CompareCleanFid(string name, Tensor source, Tensor want, GoldenCase golden, Checks check)
    {
        var parts = name.Split('.');
        if (parts[1].StartsWith("clean_fid_pytorch", StringComparison.Ordinal))
        {
            var filter = parts[1].Contains("bicubic", StringComparison.Ordinal) ? TensorFilter.Bicubic : TensorFilter.Bilinear;
            var got = TensorResizing.Resize(source.permute(2, 0, 1).unsqueeze(0).to(float32), (int)want.shape[1], (int)want.shape[0], filter)[0].permute(1, 2, 0).clamp(0, 255);
            if (parts[1].EndsWith("quantized", StringComparison.Ordinal)) check.Exact(name, got.to(uint8), want);
            else Within(name, got, want, Tolerance(golden, "float", "abs"), check);
            return;
        }
        Within(name, Planes(source, want, Filter(parts[^1])).clamp(0, 255), want, Tolerance(golden, "float", "abs"), check);
    }

    /// <summary>Each channel as a plane, in Pillow 13's order, [h, w, C].</summary>
    private static Tensor Planes(Tensor source, Tensor want, ResampleFilter filter) =>
        PlaneResampling.Resize(source.permute(2, 0, 1).unsqueeze(0), (int)want.shape[1], (int)want.shape[0], filter, ResampleOrder.Pillow13)[0].permute(1, 2, 0);

    private static ResampleFilter Filter(string name) => ResampleFilter.All.Append(ResampleFilter.Nearest).FirstOrDefault(filter => filter.Name == name) ?? throw new NotImplementedHereException($"the filter {name}");

    private static void CompareQuantisation(JsonElement ways, Checks check)
    {
        var (levels, symmetric) = (Doubles(ways.GetProperty("values_0_255")).to(float32), Doubles(ways.GetProperty("values_minus1_1")).to(float32));
        foreach (var way in ways.EnumerateObject().Where(way => !way.Name.StartsWith("values", StringComparison.Ordinal)))
        {
            var got = way.Name.Split([' ', ':', ','])[0] switch
            {
                "clip_then_truncate" => Quantisation.Truncated(levels),
                "clip_then_round_half_even" => Quantisation.Rounded(levels),
                "stylegan2_ada" => Quantisation.StyleGan(symmetric),
                "torchvision" => Quantisation.Torchvision(levels / 255),
                "diffusers" => Quantisation.Diffusers(symmetric),
                "guided_diffusion" => Quantisation.GuidedDiffusion(symmetric),
                var other => throw new NotImplementedHereException($"the quantisation {other}"),
            };
            check.Exact(way.Name, got, Doubles(way.Value));
        }
    }
}
