using System.Globalization;
using System.Text;
using Imago.Diffusion;
using Imago.Generation.Lora;
using Imago.Generation.Pipelines;
using Imago.Generation.SingleFiles;
using Imago.Images;
using Imago.Metrics;
using Imago.Weights;

namespace Imago.Generation;

/// <summary>Everything that decides a picture, as it stands in its file: the same recipe gives the same picture.</summary>
public sealed record GenerationRecipe
{
    private const string Keyword = "imago", Settings = "seed, steps, sampler, spacing, guidance, classifier-scale, rescale, strength, class or prompt";

    /// <summary>The model, as it was named.</summary>
    public required string Model { get; init; }

    /// <summary>Which of several files of its weights is used, such as <c>fp16</c>; the plain one by default.</summary>
    public string? Variant { get; init; }

    /// <summary>Parts from other files, and what a single file does not hold, for a published pipeline; null for none.</summary>
    public PipelineChanges? Changes { get; init; }

    /// <summary>Files of low-rank changes added to the model, each a path, PATH=STRENGTH or PATH=STRENGTH,STRENGTH-IN-TEXT-ENCODERS.</summary>
    public IReadOnlyList<string> Loras { get; init; } = [];

    /// <summary>What the picture is of, in words.</summary>
    public string? Prompt { get; init; }

    /// <summary>Its class, by name or number.</summary>
    public string? Class { get; init; }

    /// <summary>Its attributes, each a number or the name of a choice's value.</summary>
    public IReadOnlyDictionary<string, string> Attributes { get; init; } = new SortedDictionary<string, string>(StringComparer.Ordinal);

    /// <summary>What guidance leads away from, in words.</summary>
    public string? Negative { get; init; }

    /// <summary>Seed of the first picture; the following ones have the following seeds.</summary>
    public long Seed { get; init; }

    /// <summary>Pictures.</summary>
    public int Count { get; init; } = 1;

    /// <summary>The prompt at the other end of a row of pictures; null for the same.</summary>
    public string? ToPrompt { get; init; }

    /// <summary>The seed at the other end of a row of pictures; null for the same.</summary>
    public long? ToSeed { get; init; }

    /// <summary>Name of the method.</summary>
    public string? Sampler { get; init; }

    /// <summary>Steps.</summary>
    public int? Steps { get; init; }

    /// <summary>Name of the spacing.</summary>
    public string? Spacing { get; init; }

    /// <summary>Scale of guidance.</summary>
    public double? Guidance { get; init; }

    /// <summary>Shares of the steps between which it acts.</summary>
    public IReadOnlyList<double> GuidanceInterval { get; init; } = [0, 1];

    /// <summary>φ of the guidance's rescaling.</summary>
    public double Rescale { get; init; }

    /// <summary>Folder of a classifier of noisy pictures that leads to the class; null for none.</summary>
    public string? Classifier { get; init; }

    /// <summary>How strongly it leads.</summary>
    public double ClassifierScale { get; init; } = 2;

    /// <summary>File of a picture to start from.</summary>
    public string? Image { get; init; }

    /// <summary>How much of it is drawn anew.</summary>
    public double Strength { get; init; } = 0.6;

    /// <summary>File of the mask, white where it is drawn anew.</summary>
    public string? Mask { get; init; }

    /// <summary>Whether the picture is drawn anew from its own noise.</summary>
    public bool Invert { get; init; }

    /// <summary>What the picture is of, for that: words, a class, or attributes as NAME=VALUE with commas between, whichever the model knows; null to leave it open.</summary>
    public string? Was { get; init; }

    /// <summary>How what was drawn is changed afterwards; null for not at all.</summary>
    public LatentEdit? Edit { get; init; }

    /// <summary>What is for published pipelines alone; null for their own way.</summary>
    public PipelineDrawing? Pipeline { get; init; }

    /// <summary>Moments shown of each picture's way.</summary>
    public int Moments { get; init; }

    /// <summary>What is swept, at most two: each a name and values, <c>guidance=1,2,4</c>.</summary>
    public IReadOnlyList<string> Grid { get; init; } = [];

    /// <summary>Loads the model, low-rank changes and all.</summary>
    /// <param name="location">Where the model is, if it is not named by its path; <see langword="null"/> for <see cref="Model"/>.</param>
    /// <param name="locateExtra">Where a file beside it is (of changes, of another part), if it is not named by its path.</param>
    /// <param name="warn">Told of what is left out.</param>
    /// <exception cref="ImagoException">The model or a file of changes cannot be used.</exception>
    public DiffusionModel LoadModel(string? location = null, Func<string, string>? locateExtra = null, Action<string>? warn = null)
    {
        var model = Changes is null ? DiffusionFiles.Load(location ?? Model, Variant) : StableDiffusion.Load((locateExtra is null ? Changes : Changes.Located(locateExtra)).Open(location ?? Model, Variant));
        try
        {
            using var stack = new LoraStack(model);
            foreach (var (path, strength) in Loras.Select(LoraStrength.Parse))
                if (stack.Add(locateExtra?.Invoke(path) ?? path, strength) is { Count: > 0 } absent) warn?.Invoke($"{path} changes {absent.Count} layers of networks that the model does not have, such as {absent[0]}; they are left out.");
            stack.FuseForGood();
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>What it asks a model for.</summary>
    /// <param name="model">The model, which knows what attributes mean.</param>
    /// <param name="classifier">The classifier of <see cref="Classifier"/>, where there is one; it must stay until the pictures are drawn.</param>
    /// <exception cref="ArgumentException">The model knows nothing of what is asked for, or does not fit the classifier; the message says what it knows.</exception>
    /// <exception cref="DataException">A picture cannot be read.</exception>
    public GenerationRequest RequestFor(DiffusionModel model, NoisyClassifier? classifier = null)
    {
        if (Classifier is null != classifier is null) throw new ArgumentException(Classifier is null ? "The recipe names no classifier, and one is given." : $"The recipe follows the classifier {Classifier}; load it and give it along.", nameof(classifier));
        if (Classifier is not null && Class is null) throw new ArgumentException("A classifier leads to a class; say which.");
        if (GuidanceInterval.Count != 2) throw new ArgumentException($"An interval has two ends, got {GuidanceInterval.Count} numbers.");
        var first = new PictureWish(Seed, Condition(model, Prompt));
        var isWay = ToPrompt is not null || ToSeed is not null;
        if (Pipeline is not null && !model.IsPublished) throw new ArgumentException("Size, scheduler, CLIP skip and the like are for published pipelines; this model was trained by Imago.");
        var request = new GenerationRequest
        {
            Pictures = isWay ? PictureWish.Between(first, new PictureWish(ToSeed ?? Seed, Condition(model, ToPrompt ?? Prompt)), Count) : PictureWish.Many(first.Condition, Count, Seed),
            Sampler = Sampler, Steps = Steps, Spacing = Spacing, Guidance = Guidance, GuidanceInterval = new GuidanceInterval(GuidanceInterval[0], GuidanceInterval[1]), Rescale = Rescale, Moments = Moments,
            Around = classifier is null ? null : ClassifierGuidance.Towards(model, classifier, classifier.ClassOf(Class!), ClassifierScale),
            Start = Image is null ? null : new StartImage(ImageFile.Read(Image)) { Strength = Strength, Inverted = Invert ? Former(model) : null, Mask = Mask is null ? null : ImageFile.Read(Mask) },
        };
        return Pipeline?.Apply(request, model) ?? request;
    }

    /// <summary>The recipe with one thing changed.</summary>
    /// <param name="name">One of the settings seed, steps, sampler, spacing, guidance, classifier-scale, rescale, strength, class, prompt, or an attribute.</param>
    /// <param name="value">Its value.</param>
    /// <exception cref="ArgumentException">The value is of the wrong kind.</exception>
    public GenerationRecipe With(string name, string value)
    {
        return name switch
        {
            "seed" => this with { Seed = Whole() },
            "steps" => this with { Steps = (int)Whole() },
            "sampler" => this with { Sampler = value },
            "spacing" => this with { Spacing = value },
            "guidance" => this with { Guidance = Number() },
            "classifier-scale" => this with { ClassifierScale = Number() },
            "rescale" => this with { Rescale = Number() },
            "strength" => this with { Strength = Number() },
            "class" => this with { Class = value },
            "prompt" => this with { Prompt = value },
            _ => WithAttribute(name, value),
        };

        long Whole() => long.TryParse(value, CultureInfo.InvariantCulture, out var number) ? number : throw Wrong("a whole number");
        double Number() => double.TryParse(value, CultureInfo.InvariantCulture, out var number) ? number : throw Wrong("a number");
        ArgumentException Wrong(string expected) => new($"{name} is '{value}'; it must be {expected}.");
    }

    /// <summary>Writes a picture; a PNG file carries the recipe as the text <c>imago</c>.</summary>
    /// <param name="path">Ends with .png, or another ending of <see cref="ImageFile.Write"/>.</param>
    /// <param name="image">The picture.</param>
    public void Write(string path, PixelImage image)
    {
        var file = ImageFile.Encode(image, Path.GetExtension(path));
        if (Path.GetExtension(path).Equals(".png", StringComparison.OrdinalIgnoreCase)) file = PngText.Add(file, Keyword, Ascii(ConfigJson.WriteCompact(this)));
        AtomicFile.Write(path, stream => stream.Write(file));
    }

    /// <summary>Reads the recipe of a picture.</summary>
    /// <param name="path">A PNG file that <see cref="Write"/> wrote.</param>
    /// <exception cref="DataException">The file is missing or carries no recipe.</exception>
    /// <exception cref="CheckpointException">The recipe is of another version of Imago.</exception>
    public static GenerationRecipe Read(string path) => PngText.Find(ImageFile.ReadBytes(path), Keyword) is { } json
        ? ConfigJson.Read<GenerationRecipe>(json, $"the recipe in {path}")
        : throw new DataException($"{path} carries no recipe: it is no PNG file of `imago generate`, or its texts were removed.");

    private Condition Condition(DiffusionModel model, string? prompt)
    {
        var attributes = model.Config.Conditioner.Conditions.OfType<AttributeConditionConfig>().FirstOrDefault();
        if (Attributes.Count > 0 && attributes is null) throw new ArgumentException($"The attribute {string.Join(", ", Attributes.Keys)} is asked for, which this model does not know: it has none. What can be changed of every model is {Settings}.");
        var told = Classifier is not null && !model.Config.Conditioner.Conditions.OfType<ClassConditionConfig>().Any() ? null : Class;
        var number = int.TryParse(told, CultureInfo.InvariantCulture, out var parsed) && !HasClass(model, told) ? parsed : (int?)null;
        var condition = new Condition
        {
            Caption = prompt,
            ClassName = number is null ? told : null,
            ClassNumber = number,
            Attributes = Attributes.ToDictionary(pair => pair.Key, pair => attributes!.Parse(pair.Key, pair.Value)),
            Negative = Negative is null ? null : new Condition { Caption = Negative },
        };
        return Pipeline?.Apply(condition) ?? condition;
    }

    /// <summary>What the picture that is inverted is of.</summary>
    private Condition Former(DiffusionModel model)
    {
        if (Was is null) return Generation.Condition.None;
        var open = this with { Class = null, Attributes = new SortedDictionary<string, string>(), Negative = null };
        var conditions = model.Config.Conditioner.Conditions;
        if (conditions.OfType<TextConditionConfig>().Any()) return open.Condition(model, Was);
        if (conditions.OfType<ClassConditionConfig>().Any()) return (open with { Class = Was }).Condition(model, null);
        return Was.Split(',', StringSplitOptions.TrimEntries)
            .Aggregate(open, (recipe, text) => text.Split('=', 2) is [var name, var value] ? recipe.WithAttribute(name, value) : throw new ArgumentException($"The former attributes are '{Was}'; write them as NAME=VALUE with commas between."))
            .Condition(model, null);
    }

    private GenerationRecipe WithAttribute(string name, string value) =>
        this with { Attributes = new SortedDictionary<string, string>(Attributes.ToDictionary(), StringComparer.Ordinal) { [name] = value } };

    private static bool HasClass(DiffusionModel model, string name) =>
        model.Config.Conditioner.Conditions.OfType<ClassConditionConfig>().Any(condition => condition.Names.Contains(name, StringComparer.OrdinalIgnoreCase));

    /// <summary>JSON with everything beyond ASCII escaped.</summary>
    private static string Ascii(string json)
    {
        var text = new StringBuilder(json.Length);
        foreach (var c in json) _ = c < 128 ? text.Append(c) : text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
        return text.ToString();
    }
}
