using System.CommandLine;
using System.Globalization;
using Imago.Generation;
using Imago.Generation.Pipelines;
using Imago.Images;

namespace Imago.Cli.Commands;

/// <summary>Options of <c>imago generate</c> that are for published pipelines.</summary>
internal static class PublishedOptions
{
    private static readonly Option<string?> Size = new("--size") { HelpName = "WxH", Description = "Size of the pictures; the model's own by default, with --image that picture's." };
    private static readonly Option<string?> Scheduler = new("--scheduler") { HelpName = "CLASS|FILE", Description = "A scheduler of diffusers, by its class (EulerDiscrete, DPMSolverMultistep, UniPCMultistep, LCM, …) or a scheduler_config.json; the model's own by default." };
    private static readonly Option<double?> Eta = new("--eta") { HelpName = "X", Description = "Noise of DDIM (0) or TCD (0.3)." };
    private static readonly Option<int?> ClipSkip = new("--clip-skip") { HelpName = "N", Description = "Layers of CLIP left out at the end, beyond those that the model never uses; 0 by default." };
    private static readonly Option<PromptGrammar?> Grammar = new("--grammar") { Description = "What signs in a prompt mean: weighted for (word:1.2), BREAK and prompts of any length, the default; plain for none, cut at 77 tokens." };
    private static readonly Option<int?> LongTokens = new("--long-tokens") { HelpName = "N", Description = "Tokens that T5 reads (256)." };
    private static readonly Option<string?> SecondPrompt = new("--prompt-2") { HelpName = "TEXT", Description = "What the second text encoder reads; PROMPT by default." };
    private static readonly Option<string?> ThirdPrompt = new("--prompt-3") { HelpName = "TEXT", Description = "What the third text encoder reads; PROMPT by default." };
    private static readonly Option<string?> OriginalSize = new("--original-size") { HelpName = "WxH", Description = "Size of the picture that this one is to look as if made from (XL; with --size)." };
    private static readonly Option<string?> Crop = new("--crop") { HelpName = "X,Y", Description = "Columns and rows that it is to look as if cut off (XL; with --size)." };
    private static readonly Option<double?> Aesthetic = new("--aesthetic-score") { HelpName = "X", Description = "How beautiful it is to look, for XL's refiner as the model (6)." };
    private static readonly Option<int?> MaskPadding = new("--mask-padding") { HelpName = "PIXELS", Description = "Draw only the mask's surroundings, at the full size, and put them back." };
    private static readonly Option<PictureFit?> Fit = new("--fit") { Description = "How --image is brought to another shape." };
    private static readonly Option<string?> Refiner = new("--refiner") { HelpName = "MODEL", Description = "A model that draws the end: XL's refiner." };
    private static readonly Option<double?> DenoisingEnd = new("--denoising-end") { HelpName = "X", Description = "Share of the noise that is gone when --refiner takes over (0.8)." };
    private static readonly Option<int[]> SkipLayers = new("--skip-layers") { HelpName = "N …", Description = "Lead away from the network without these blocks (Stable Diffusion 3.5: 7 8 9).", AllowMultipleArgumentsPerToken = true };
    private static readonly Option<double?> SkipScale = new("--skip-scale") { HelpName = "X", Description = "How strongly (2.8)." };
    private static readonly Option<string[]> Perturb = new("--perturb") { HelpName = "LAYER …", Description = "Lead away from the network with blind self-attentions (PAG): mid, down_blocks.1, …; numbers of blocks of a transformer.", AllowMultipleArgumentsPerToken = true };
    private static readonly Option<double?> PerturbScale = new("--perturb-scale") { HelpName = "X", Description = "How strongly (3)." };
    private static readonly Option<NoiseKind?> Noise = new("--noise") { Description = "Whose random numbers --seed stands for: cpu, or cuda for those of a GPU." };
    private static readonly Option<string?> Preview = new("--preview") { HelpName = "FILE", Description = "Write the picture as it stands to this file after every step." };
    private static readonly Option<string?> PreviewDecoder = new("--preview-decoder") { HelpName = "PATH", Description = "A tiny autoencoder (TAESD) for it, also one of a hub (owner/name); a linear fit by default." };

    internal static IReadOnlyList<Option> All { get; } =
        [Size, Scheduler, Eta, ClipSkip, Grammar, LongTokens, SecondPrompt, ThirdPrompt, OriginalSize, Crop, Aesthetic, MaskPadding, Fit, Refiner, DenoisingEnd, SkipLayers, SkipScale, Perturb, PerturbScale, Noise, Preview, PreviewDecoder];

    /// <summary>A recipe's part with what the options say.</summary>
    internal static PipelineDrawing? Of(CommandContext context, PipelineDrawing? like)
    {
        if (like is null && !All.Where(option => option != Preview && option != PreviewDecoder).Any(context.IsGiven)) return null;
        like ??= new();
        var (width, height) = Pair(context.Get(Size), Size) ?? (like.Width, like.Height);
        return like with
        {
            Width = width, Height = height, Scheduler = context.Get(Scheduler) ?? like.Scheduler, Eta = context.Get(Eta) ?? like.Eta,
            Reading = new() { Grammar = context.Get(Grammar) ?? like.Reading.Grammar, ClipSkip = context.Get(ClipSkip) ?? like.Reading.ClipSkip, LongTokens = context.Get(LongTokens) ?? like.Reading.LongTokens },
            SecondPrompt = context.Get(SecondPrompt) ?? like.SecondPrompt, ThirdPrompt = context.Get(ThirdPrompt) ?? like.ThirdPrompt,
            OriginalSize = RowsFirst(context.Get(OriginalSize), OriginalSize) ?? like.OriginalSize, CropOrigin = RowsFirst(context.Get(Crop), Crop) ?? like.CropOrigin,
            AestheticScore = context.Get(Aesthetic) ?? like.AestheticScore, MaskPadding = context.Get(MaskPadding) ?? like.MaskPadding, Fit = context.Get(Fit) ?? like.Fit,
            Refiner = context.Get(Refiner) ?? like.Refiner, DenoisingEnd = context.Get(DenoisingEnd) ?? like.DenoisingEnd,
            SkippedBlocks = context.Get(SkipLayers) is { Length: > 0 } blocks ? blocks : like.SkippedBlocks, SkipScale = context.Get(SkipScale) ?? like.SkipScale,
            PerturbedLayers = context.Get(Perturb) is { Length: > 0 } layers ? layers : like.PerturbedLayers, PerturbedScale = context.Get(PerturbScale) ?? like.PerturbedScale,
            Noise = context.Get(Noise) ?? like.Noise,
        };
    }

    /// <summary>What writes previews, if they are asked for; and what it holds.</summary>
    internal static (Action<GenerationStep>? Write, IDisposable? Held) PreviewOf(CommandContext context, DiffusionModel model)
    {
        if (context.Get(Preview) is not { } file)
            return context.IsGiven(PreviewDecoder) ? throw new ArgumentException("--preview-decoder is for previews; say with --preview where they go.") : (null, null);
        var preview = context.Get(PreviewDecoder) is { } path ? LatentPreview.Tiny(HubModelOptions.LocateExtra(context, path)) : LatentPreview.Linear(model);
        return (step => ImageFile.Write(file, ImageGrid.Draw(preview.Draw(step.Estimate), (int)Math.Ceiling(Math.Sqrt(step.Wishes.Count)))), preview);
    }

    private static IReadOnlyList<int>? RowsFirst(string? text, Option option) => Pair(text, option) is (int columns, int rows) ? [rows, columns] : null;

    private static (int?, int?)? Pair(string? text, Option option)
    {
        if (text is null) return null;
        var parts = text.Split('x', 'X', ',');
        return parts.Length == 2 && int.TryParse(parts[0], CultureInfo.InvariantCulture, out var first) && int.TryParse(parts[1], CultureInfo.InvariantCulture, out var second)
            ? (first, second)
            : throw new ArgumentException($"{option.Name} is '{text}'; it must be two whole numbers, such as 768x512.");
    }
}
