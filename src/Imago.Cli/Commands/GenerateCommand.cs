using System.CommandLine;
using System.Globalization;
using Imago.Cli.Exploring;
using Imago.Diffusion;
using Imago.Generation;
using Imago.Generation.Pipelines;
using Imago.Generation.SingleFiles;
using Imago.Layers;
using Imago.Images;
using Imago.Metrics;
using TorchSharp;

namespace Imago.Cli.Commands;

/// <summary><c>imago generate</c>: pictures from a diffusion model.</summary>
internal static class GenerateCommand
{
    private const int StripMoments = 8, MostSwept = 2;

    private static readonly Argument<string?> Prompt = new("prompt") { HelpName = "PROMPT", Description = "What the picture is of, in words, for a model of text.", Arity = ArgumentArity.ZeroOrOne };
    private static readonly Option<string?> Model = new("--model", "-m") { HelpName = "MODEL", Description = "The model: a run of `imago train diffusion`, a model's folder, or one of a hub (owner/name)." };
    private static readonly Option<string[]> Loras = new("--lora") { HelpName = "FILE[=X[,Y]]", Description = "LoRA (a file, or one of a hub: owner/name/FILE) to add to the model: a strength, and another one for the text encoders. May be repeated." };
    private static readonly Option<string?> Class = new("--class", "-c") { HelpName = "NAME|N", Description = "Class of the picture, by name or number." };
    private static readonly Option<string[]> Attribute = new("--attribute", "-a") { HelpName = "NAME=VALUE", Description = "An attribute of the picture: smile=1, hair=long. May be repeated." };
    private static readonly Option<string?> Negative = new("--negative") { HelpName = "TEXT", Description = "What guidance leads away from." };
    private static readonly Option<int?> Count = new("--count", "-n") { HelpName = "N", Description = "Pictures, of consecutive seeds (1), or on the way to --to-seed or --to-prompt (8)." };
    private static readonly Option<long?> Seed = new("--seed") { HelpName = "N", Description = "Where the noise comes from; the same seed gives the same picture." };
    private static readonly Option<string?> ToPrompt = new("--to-prompt") { HelpName = "TEXT", Description = "Go from PROMPT to this one." };
    private static readonly Option<long?> ToSeed = new("--to-seed") { HelpName = "N", Description = "Go from --seed to this one." };
    private static readonly Option<string?> Sampler = new("--sampler") { HelpName = "NAME", Description = $"The method: {string.Join(", ", Samplers.All.Select(sampler => sampler.Name))}." };
    private static readonly Option<int?> Steps = new("--steps") { HelpName = "N", Description = "Steps." };
    private static readonly Option<string?> Spacing = new("--spacing") { HelpName = "NAME", Description = $"Which levels of noise are visited: {string.Join(", ", Spacings.All.Select(spacing => spacing.Name))}." };
    private static readonly Option<double?> Guidance = new("--guidance", "-g") { HelpName = "X", Description = "How strongly the condition is followed; 1 is the model as it is." };
    private static readonly Option<double[]> Interval = ExploreOptions.Numbers("--guidance-interval", "0,1", "Between which shares of the steps guidance acts.");
    private static readonly Option<double?> Rescale = new("--rescale") { HelpName = "X", Description = "How much of guidance's excess contrast is taken back, 0 to 1." };
    private static readonly Option<string?> Classifier = new("--classifier") { HelpName = "FOLDER", Description = "Lead to --class by this classifier of noisy images (`imago train classifier --noisy`), whether the model knows classes or not." };
    private static readonly Option<double?> ClassifierScale = new("--classifier-scale") { HelpName = "X", Description = "How strongly it leads; 2 by default, 1 is Bayes' theorem." };
    private static readonly Option<string?> Image = new("--image", "-i") { HelpName = "FILE", Description = "A picture to change." };
    private static readonly Option<double?> Strength = new("--strength") { HelpName = "X", Description = "How much of it is drawn anew, above 0 and up to 1; 0.6 by default, 1 with a mask." };
    private static readonly Option<string?> Mask = new("--mask") { HelpName = "FILE", Description = "White where the picture is drawn anew; black pixels stay exactly as they are." };
    private static readonly Option<bool> Invert = new("--invert") { Description = "Draw it anew from its own noise: what PROMPT does not change stays. --strength is 1 then." };
    private static readonly Option<string?> Was = new("--was") { HelpName = "WHAT", Description = "What it is of, for --invert: words, a class, or NAME=VALUE,…, as the model knows it." };
    private static readonly Option<string?> Edit = new("--edit") { HelpName = "WHAT", Description = "Change an attribute of what is drawn, or of --image, along its direction in the latents: smile, hair=long, a class, as in `imago edit`." };
    private static readonly Option<bool> Strip = new("--strip") { Description = "Show the way from noise to each picture." };
    private static readonly Option<string[]> Grid = new("--grid") { HelpName = "NAME=X,Y,…", Description = "Sweep a parameter: seed, steps, sampler, spacing, guidance, classifier-scale, rescale, strength, class, prompt or an attribute. Twice for rows too." };
    private static readonly Option<bool> Gif = new("--gif") { Description = "Animate: the way from noise, or from one end to the other." };
    private static readonly Option<bool> Separate = new("--separate") { Description = "Write every picture to a file of its own, named by its seed." };
    private static readonly Option<string?> Like = new("--like") { HelpName = "FILE", Description = "Repeat the recipe of this picture; other options change it." };
    private static readonly Option<int?> Batch = new("--batch") { HelpName = "N", Description = "Pictures drawn at once." };
    private static readonly Option<Training.Precision?> ComputePrecision = new("--precision") { Description = "What the network computes in; fp32 by default." };

    internal static Command Create()
    {
        var command = Drawing();
        foreach (var option in PublishedOptions.All) command.Add(option);
        return command.Does(Run);
    }

    private static ImagoCommand Drawing() => new(
        "generate",
        "Draw pictures with a diffusion model.",
        "imago generate --model runs/mnist-diffusion --class 3 --count 16",
        "imago generate \"a smiling woman with red hair\" --model runs/faces-diffusion --guidance 3",
        "imago generate --model runs/faces-diffusion --image me.png --mask mouth.png --strip",
        "imago generate --model runs/mnist-diffusion --class 7 --grid guidance=1,2,4 --grid steps=5,10,20",
        "imago generate \"a woman\" --model runs/faces-diffusion --count 4 --edit smile --strengths -1,0,1,2",
        "imago generate \"a smiling woman\" --model runs/faces-diffusion --image her.png --invert --was \"a frowning woman\"",
        "imago generate \"a lighthouse at dusk\" --model stabilityai/stable-diffusion-xl-base-1.0 --variant fp16 --download",
        "imago generate \"a lighthouse at dusk\" --model sd_xl_base_1.0.safetensors --vae sdxl_vae.safetensors",
        "imago generate \"a cat\" --model sdxl-base --refiner sdxl-refiner --size 1024x768 --preview now.png",
        "imago generate --model runs/digits --classifier runs/mnist-noisy --classifier-scale 2 --class 3",
        "imago generate --like generated.png --seed 8")
    {
        Prompt, Model, Loras, Class, Attribute, Negative, Count, Seed, ToPrompt, ToSeed, Sampler, Steps, Spacing, Guidance, Interval, Rescale, Classifier, ClassifierScale, Image, Strength, Mask,
        Invert, Was, Edit, EditCommand.Strengths, EditCommand.Keep, EditCommand.Method, EditCommand.Examples, ExploreOptions.Data, ExploreOptions.DataFolder,
        Strip, Grid, Gif, Separate, Like, Batch, ComputePrecision,
        HubModelOptions.Download, HubModelOptions.Revision, HubModelOptions.Variant, HubModelOptions.Without,
        PipelineOptions.Config, PipelineOptions.Tokenizer, PipelineOptions.Predicts, PipelineOptions.Vae, PipelineOptions.TextEncoder, ExploreOptions.Out, SharedOptions.Json,
    };

    private static void Run(CommandContext context)
    {
        var recipe = Recipe(context);
        var path = HubModelOptions.Locate(context, recipe.Model);
        if (context.Get(HubModelOptions.Revision) is { } revision && !recipe.Model.Contains('@')) recipe = recipe with { Model = $"{recipe.Model}@{revision}" };
        var type = context.Get(ComputePrecision) == Training.Precision.Bf16 ? torch.ScalarType.BFloat16 : torch.ScalarType.Float32;
        using var model = Load(context, recipe, path, type).To(context.Device);
        model.ComputeType = type;
        using var refiner = RefinerOf(context, recipe, type);
        using var classifier = recipe.Classifier is { } folder ? NoisyClassifier.Load(folder).To(context.Device) : null;
        var (preview, held) = PublishedOptions.PreviewOf(context, model);
        using var _ = held;
        var output = new GenerateOutput(context, recipe, model, context.Get(ExploreOptions.Out) ?? "generated.png") { Batch = context.Get(Batch), Refiner = refiner, Classifier = classifier, Preview = preview };
        if (recipe.Edit is not null) output.Edit(isAnimated: context.Get(Gif));
        else if (recipe.Grid.Count > 0) output.Sweep();
        else output.Draw(isSeparate: context.Get(Separate), isAnimated: context.Get(Gif));
        output.Report();
    }

    /// <summary>The model with its weights in the type of the computation.</summary>
    private static DiffusionModel Load(CommandContext context, GenerationRecipe recipe, string path, torch.ScalarType type)
    {
        using var _ = InferenceWeights.In(type);
        return recipe.LoadModel(path, name => HubModelOptions.LocateExtra(context, name), context.Warn);
    }

    private static DiffusionModel? RefinerOf(CommandContext context, GenerationRecipe recipe, torch.ScalarType type)
    {
        if (recipe.Pipeline?.Refiner is not { } name) return null;
        using var _ = InferenceWeights.In(type);
        var path = HubModelOptions.Locate(context, name);
        // A single file holds no tokenizer: the one that is named for the base serves both.
        var refiner = (File.Exists(path) ? StableDiffusion.Load(new PipelineChanges { Tokenizer = recipe.Changes?.Tokenizer }.Open(path)) : DiffusionFiles.Load(path, recipe.Variant)).To(context.Device);
        refiner.ComputeType = type;
        return refiner;
    }

    /// <summary>The recipe of --like, or an empty one, with what the options say.</summary>
    private static GenerationRecipe Recipe(CommandContext context)
    {
        var like = context.Get(Like) is { } path ? GenerationRecipe.Read(path) : null;
        var recipe = like ?? new GenerationRecipe { Model = context.Get(Model) ?? throw new ArgumentException("Say with --model which model is to draw: the folder of a run of `imago train diffusion`, or of a model.") };
        var isWay = (context.Get(ToPrompt) ?? recipe.ToPrompt) is not null || (context.Get(ToSeed) ?? recipe.ToSeed) is not null;
        var edit = EditOf(context, recipe.Edit);
        recipe = recipe with
        {
            Model = context.Get(Model) ?? recipe.Model,
            Variant = context.Get(HubModelOptions.Variant) ?? recipe.Variant,
            Changes = PipelineOptions.Changes(context, recipe.Changes),
            Loras = context.Get(Loras) is { Length: > 0 } loras ? loras : recipe.Loras,
            Prompt = context.Get(Prompt) ?? recipe.Prompt,
            Class = context.Get(Class) ?? recipe.Class,
            Negative = context.Get(Negative) ?? recipe.Negative,
            Seed = context.Get(Seed) ?? recipe.Seed,
            ToPrompt = context.Get(ToPrompt) ?? recipe.ToPrompt,
            ToSeed = context.Get(ToSeed) ?? recipe.ToSeed,
            Count = context.Get(Count) ?? (like is null && isWay ? 8 : recipe.Count),
            Sampler = context.Get(Sampler) ?? recipe.Sampler,
            Steps = context.Get(Steps) ?? recipe.Steps,
            Spacing = context.Get(Spacing) ?? recipe.Spacing,
            Guidance = context.Get(Guidance) ?? recipe.Guidance,
            GuidanceInterval = context.IsGiven(Interval) ? context.Get(Interval)! : recipe.GuidanceInterval,
            Rescale = context.Get(Rescale) ?? recipe.Rescale,
            Classifier = context.Get(Classifier) ?? recipe.Classifier,
            ClassifierScale = context.Get(ClassifierScale) ?? recipe.ClassifierScale,
            Image = context.Get(Image) ?? recipe.Image,
            Mask = context.Get(Mask) ?? recipe.Mask,
            Invert = context.Get(Invert) || recipe.Invert,
            Was = context.Get(Was) ?? recipe.Was,
            Strength = context.Get(Strength) ?? (like is null && (context.Get(Mask) is not null || context.Get(Invert)) ? 1 : recipe.Strength),
            Edit = edit,
            Pipeline = PublishedOptions.Of(context, recipe.Pipeline),
            Moments = context.Get(Strip) || (context.Get(Gif) && !isWay && edit is null) ? StripMoments : recipe.Moments,
            Grid = context.Get(Grid) is { Length: > 0 } swept ? swept : recipe.Grid,
        };
        Check(context, recipe);
        return (context.Get(Attribute) ?? []).Aggregate(recipe, (all, text) => text.Split('=', 2) is [var name, var value] ? all.With(name, value) : throw new ArgumentException($"--attribute is '{text}'; it must be NAME=VALUE."));
    }

    /// <summary>Refuses what contradicts itself.</summary>
    private static void Check(CommandContext context, GenerationRecipe recipe)
    {
        if (recipe.Count < 1) throw new ArgumentException($"--count is {recipe.Count}; it must be at least 1.");
        if (recipe.Classifier is not null && recipe.Class is null && !recipe.Grid.Any(swept => swept.StartsWith("class=", StringComparison.Ordinal))) throw new ArgumentException("--classifier leads to a class; say with --class which.");
        if (recipe.Classifier is null && context.IsGiven(ClassifierScale)) throw new ArgumentException("--classifier-scale is for --classifier, and there is none.");
        if (recipe.Mask is not null && recipe.Image is null) throw new ArgumentException("--mask needs the picture that it belongs to: --image.");
        if (recipe.Invert && recipe.Image is null) throw new ArgumentException("--invert needs a picture: --image.");
        if (recipe.Was is not null && !recipe.Invert) throw new ArgumentException("--was says what the picture of --invert is of, and there is none.");
        if (recipe.Edit is not null && (recipe.Grid.Count > 0 || recipe.Moments > 0 || context.Get(Separate))) throw new ArgumentException("--edit makes a sheet of its own; leave out --grid, --strip and --separate.");
        if (recipe.Edit is not null && recipe.Image is not null && !recipe.Invert && (recipe.Mask is not null || context.IsGiven(Strength))) throw new ArgumentException("--edit changes the latent of --image, and draws nothing of it anew: leave out --strength and --mask.");
        if (recipe.Grid.Count > MostSwept) throw new ArgumentException($"--grid is given {recipe.Grid.Count} times; a sheet has columns and rows, so at most twice.");
    }

    /// <summary>The edit of --like, or an empty one, with what the options say; null where none is asked for.</summary>
    private static LatentEdit? EditOf(CommandContext context, LatentEdit? like)
    {
        if (context.Get(Edit) is null && like is null)
        {
            Option[] more = [EditCommand.Strengths, EditCommand.Keep, EditCommand.Method, EditCommand.Examples, ExploreOptions.Data, ExploreOptions.DataFolder];
            return more.FirstOrDefault(context.IsGiven) is { } option ? throw new ArgumentException($"{option.Name} is for edits; say with --edit what to change.") : null;
        }
        var edit = like ?? new LatentEdit { Attribute = context.Get(Edit)! };
        return edit with
        {
            Attribute = context.Get(Edit) ?? edit.Attribute,
            Keep = context.Get(EditCommand.Keep) is { Length: > 0 } kept ? kept : edit.Keep,
            Method = context.IsGiven(EditCommand.Method) ? EditCommand.Methods[context.Get(EditCommand.Method)!] : edit.Method,
            Strengths = context.IsGiven(EditCommand.Strengths) || like is null ? context.Get(EditCommand.Strengths)! : edit.Strengths,
            Examples = context.IsGiven(EditCommand.Examples) ? context.Get(EditCommand.Examples) : edit.Examples,
            Data = context.Get(ExploreOptions.Data) ?? edit.Data,
            DataFolder = context.Get(ExploreOptions.DataFolder) ?? edit.DataFolder,
        };
    }
}
