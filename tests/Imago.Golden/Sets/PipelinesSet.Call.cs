using System.Text.Json;
using Imago.Diffusion;
using Imago.Generation;
using Imago.Generation.Pipelines;
using Imago.Images;
using Imago.Models;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

internal sealed partial class PipelinesSet
{
    /// <summary>The arguments of a pipeline's call as Imago's request, with the defaults of the pipeline's class.</summary>
    private sealed class PipelineCall(GoldenCase golden, TensorFile file)
    {
        private readonly JsonElement call = golden.Entry.GetProperty("call");
        private readonly string kind = golden.Entry.GetProperty("pipeline").GetString()!;

        internal bool IsInpainting => kind.Contains("Inpaint", StringComparison.Ordinal);

        private bool IsLarge => kind.Contains("XL", StringComparison.Ordinal);

        private bool IsThird => kind.Contains("Diffusion3", StringComparison.Ordinal);

        private bool HasStart => call.TryGetProperty("image", out _) && (IsInpainting || kind.Contains("Img2Img", StringComparison.Ordinal));

        internal double Guidance => Number("guidance_scale") ?? (IsThird ? 7 : IsLarge && !IsInpainting ? 5 : 7.5);

        private int ImagesPerPrompt => (int)(Number("num_images_per_prompt") ?? 1);

        internal string? Text(string key) => call.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

        internal double? Number(string key) => call.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;

        /// <summary>The request; the noise and the watching are the caller's.</summary>
        internal GenerationRequest Request(DiffusionModel model)
        {
            var size = IsInpainting ? (Rows: (int)(Number("height") ?? model.Config.Height), Columns: (int)(Number("width") ?? model.Config.Width)) : (Rows: (int?)Number("height"), Columns: (int?)Number("width"));
            var request = new GenerationRequest
            {
                Pictures = Wishes(), Height = size.Rows, Width = size.Columns, Scheduler = model.Scheduler, Guidance = model.Network.Config is UNet2DConditionConfig { TimeCondProjDim: not null } ? Guidance : Math.Max(1, Guidance),
                Steps = call.TryGetProperty("timesteps", out _) ? null : (int)(Number("num_inference_steps") ?? (IsThird ? 28 : 50)), Timesteps = Numbers("timesteps"), Rescale = Number("guidance_rescale") ?? 0,
                Eta = IsThird ? null : Number("eta") ?? 0, DenoisingEnd = Number("denoising_end"), DenoisingStart = Number("denoising_start"), Perturbations = Perturbations(), Batch = 1024,
            };
            return HasStart ? request with { Start = Start(model, request) } : request;
        }

        /// <summary>Rows p0i0, p0i1, p1i0, ….</summary>
        private List<PictureWish> Wishes()
        {
            var count = call.TryGetProperty("prompt_embeds", out _) ? Tensor("prompt_embeds").shape[0] : Count("prompt");
            return [.. Enumerable.Range(0, (int)count).SelectMany(row => Enumerable.Range(0, ImagesPerPrompt).Select(_ => new PictureWish(0, Condition(row))))];
        }

        private Condition Condition(int row)
        {
            var skip = (int)(Number("clip_skip") ?? 0);
            var reading = new PromptReading { Grammar = PromptGrammar.Plain, LongTokens = (int)(Number("max_sequence_length") ?? 256) };
            return Side(row, "", reading with { ClipSkip = skip }) with { Negative = Side(row, "negative_", reading) };
        }

        private Condition Side(int row, string prefix, PromptReading reading) => new()
        {
            Caption = Row(prefix + "prompt", row), SecondCaption = Row(prefix + "prompt_2", row), ThirdCaption = Row(prefix + "prompt_3", row), Reading = reading,
            Encoded = call.TryGetProperty(prefix + "prompt_embeds", out _) ? Encoded(row, prefix) : null,
            Sizes = Sizes(prefix.Length > 0), AestheticScore = prefix.Length > 0 ? Number("negative_aesthetic_score") ?? 2.5 : Number("aesthetic_score") ?? 6,
        };

        private Conditioning Encoded(int row, string prefix) => new()
        {
            Tokens = Tensor(prefix + "prompt_embeds").narrow(0, row, 1),
            Pooled = call.TryGetProperty(prefix + "pooled_prompt_embeds", out _) ? Tensor(prefix + "pooled_prompt_embeds").narrow(0, row, 1) : null,
        };

        /// <summary>Text to image takes the negative sizes only if both are given; the other pipelines take each, and the positive crop unless a score is told.</summary>
        private ImageSizes? Sizes(bool isNegative)
        {
            if (!IsLarge) return null;
            var drawn = DrawnSize();
            var (original, crop, target) = (Pair("original_size") ?? drawn, Pair("crops_coords_top_left") ?? (0, 0), Pair("target_size") ?? drawn);
            var (negativeOriginal, negativeTarget) = (Pair("negative_original_size"), Pair("negative_target_size"));
            if (isNegative && HasStart) (original, target) = (negativeOriginal ?? original, negativeTarget ?? target);
            else if (isNegative && negativeOriginal is { } o && negativeTarget is { } t) (original, crop, target) = (o, Pair("negative_crops_coords_top_left") ?? (0, 0), t);
            return new(original.Item1, original.Item2, crop.Item1, crop.Item2, target.Item1, target.Item2);
        }

        /// <summary>Rows and columns that will be drawn.</summary>
        private (int, int) DrawnSize()
        {
            if (Number("height") is { } height && Number("width") is { } width) return ((int)height, (int)width);
            if (!HasStart || IsInpainting) return (DefaultSize, DefaultSize);
            var shape = Text("image")!.StartsWith("@pil:", StringComparison.Ordinal) ? Tensor("image").shape[..2] : Tensor("image").shape[^2..];
            var factor = Tensor("image").dim() == 4 && Tensor("image").shape[1] != 3 ? 8 : 1;
            return ((int)shape[0] * factor / 8 * 8, (int)shape[1] * factor / 8 * 8);
        }

        private int DefaultSize
        {
            get
            {
                var config = PythonJson.Read(Path.Combine(golden.PathOf(golden.Entry.GetProperty("components").GetProperty("unet").GetString()!), "config.json"));
                return 8 * config.GetProperty("sample_size").GetInt32();
            }
        }

        private List<Perturbation> Perturbations()
        {
            if (Numbers("skip_guidance_layers") is { } layers)
            {
                return [new(new PerturbationConfig { Scale = Number("skip_layer_guidance_scale") ?? 2.8, Interval = new(Number("skip_layer_guidance_start") ?? 0.01, Number("skip_layer_guidance_stop") ?? 0.2), IsUnrounded = true })
                {
                    SkippedBlocks = [.. layers.Select(layer => (int)layer)],
                }];
            }
            if (!kind.Contains("PAG", StringComparison.Ordinal)) return [];
            var applied = golden.Entry.GetProperty("pipeline_config").GetProperty("pag_applied_layers");
            return [new(new PerturbationConfig { Scale = Number("pag_scale") ?? 3, Adaptive = Number("pag_adaptive_scale") ?? 0, Interval = GuidanceInterval.Whole, IncludesStart = true })
            {
                PerturbedLayers = applied.ValueKind == JsonValueKind.Array ? [.. applied.EnumerateArray().Select(layer => layer.GetString()!)] : [applied.GetString()!],
            }];
        }

        private StartImage Start(DiffusionModel model, GenerationRequest request)
        {
            var strength = Number("strength") ?? (IsInpainting ? IsThird ? 0.6 : IsLarge ? 0.9999 : 1 : IsThird ? 0.6 : IsLarge ? 0.3 : 0.8);
            var isPicture = Text("image")!.StartsWith("@pil:", StringComparison.Ordinal);
            var image = isPicture ? null : Tensor("image");
            var isLatent = image is not null && image.shape[1] == model.Codec.Shape(model.Config.Height, model.Config.Width)[0];
            var start = new StartImage(isPicture ? Picture("image") : null)
            {
                Strength = strength, Mask = call.TryGetProperty("mask_image", out _) ? Picture("mask_image") : null, MaskPadding = (int?)Number("padding_mask_crop"),
                Pixels = image is null || isLatent ? null : image.min().item<float>() < 0 ? image : 2 * image - 1,
                Latents = isLatent ? image : null,
            };
            if (request.DenoisingStart is null || !isLatent) return start;
            var first = GenerationPlan.Of(model, request with { Start = start }).Schedule[0];         // diffusers keeps x/α under some schedulers
            return start with { Latents = model.Scheduler!.IsExploding ? image! * first.Alpha : image };
        }

        private PixelImage Picture(string key) => PictureOf(Tensor(key));

        private Tensor Tensor(string key) => file.Read(Text(key)!.Split('@', ':')[^1]);

        private string? Row(string key, int row) => !call.TryGetProperty(key, out var value) ? null : value.ValueKind switch
        {
            JsonValueKind.String => value.GetString(),
            JsonValueKind.Array => value[row].GetString(),
            _ => null,
        };

        private int Count(string key) => call.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.Array ? value.GetArrayLength() : 1;

        private double[]? Numbers(string key) => call.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray().Select(number => number.GetDouble())] : null;

        private (int, int)? Pair(string key) => Numbers(key) is [var first, var second] ? ((int)first, (int)second) : null;
    }

    /// <summary>uint8 [H, W, C] or [H, W].</summary>
    private static PixelImage PictureOf(Tensor bytes) =>
        new((int)bytes.shape[1], (int)bytes.shape[0], bytes.dim() == 2 ? 1 : (int)bytes.shape[2], bytes.contiguous().data<byte>().ToArray());
}
