using Imago.Data.Faces;
using Imago.Images;

namespace Imago.Generation.Prompts;

/// <summary>How <see cref="PromptAccuracy"/> asks.</summary>
public sealed record PromptOptions
{
    /// <summary>Prompts, one picture each.</summary>
    public int Prompts { get; init; } = 500;

    /// <summary>Seed of the faces whose captions are the prompts, and of the noise. Captions of seed 0 are what `faces` is trained on.</summary>
    public long Seed { get; init; } = 1;

    /// <summary>Name of the sampler; <see langword="null"/> for the model's own.</summary>
    public string? Sampler { get; init; }

    /// <summary>Steps; <see langword="null"/> for the model's own.</summary>
    public int? Steps { get; init; }

    /// <summary>Scale of guidance; <see langword="null"/> for the model's own.</summary>
    public double? Guidance { get; init; }
}

/// <summary>How well prompts are followed in one attribute.</summary>
/// <param name="Attribute">Its name.</param>
/// <param name="Named">Prompts that name it.</param>
/// <param name="Followed">Share of their pictures in which a <see cref="FaceReader"/> finds what is named.</param>
/// <param name="Readable">The same share where the pictures are the very faces that the prompts were written of: what the reader makes of a perfect model.</param>
/// <param name="Slack">How far outside the named range a quantity may lie, since the reader cannot tell it finer; 0 for a choice.</param>
public sealed record AttributeAccuracy(string Attribute, int Named, double Followed, double Readable, double Slack);

/// <summary>How well a model follows prompts.</summary>
/// <param name="Prompts">Prompts, one picture each.</param>
/// <param name="Named">Attributes named, over all prompts.</param>
/// <param name="Followed">Share of the named attributes that the reader finds in the model's pictures.</param>
/// <param name="Readable">The same share for the faces that the prompts were written of.</param>
/// <param name="Attributes">Attribute by attribute, in the order of <see cref="FaceAttributes.All"/>.</param>
public sealed record PromptReport(int Prompts, int Named, double Followed, double Readable, IReadOnlyList<AttributeAccuracy> Attributes);

/// <summary>
/// Whether pictures are of what their prompts say. Prompts are captions of drawn faces that no model was trained on; <see cref="FaceCaptions.Read"/> tells which attributes a prompt
/// names and which values it allows, and a <see cref="FaceReader"/> which values a picture has. Faces at the border of a range are as right as those in its middle, so a quantity
/// counts as there when it lies within two of the reader's own errors (<see cref="FaceReader.Errors"/>) of the range.
/// </summary>
public static class PromptAccuracy
{
    private const double ErrorsAllowed = 2;

    /// <summary>The prompts of a seed.</summary>
    /// <param name="count">How many.</param>
    /// <param name="seed">Seed of the faces.</param>
    public static IReadOnlyList<string> Prompts(int count, long seed)
    {
        var faces = new FaceDataset(count, (ulong)seed);
        return [.. Enumerable.Range(0, count).Select(i => FaceCaptions.Describe(faces.Factors(i), (ulong)seed, i))];
    }

    /// <summary>Draws a picture for each prompt and reads it.</summary>
    /// <param name="model">A model of captions and square pictures in colour.</param>
    /// <param name="reader">A reader of pictures of that size.</param>
    /// <param name="options">How many prompts, and how pictures are drawn.</param>
    /// <param name="progress">Told after every step of the sampler.</param>
    /// <param name="cancellationToken">Stops between two evaluations of the network.</param>
    /// <exception cref="ArgumentException">The model draws other pictures, or knows no captions.</exception>
    public static PromptReport Evaluate(DiffusionModel model, FaceReader reader, PromptOptions options, IProgress<WorkProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(reader);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Prompts, 1, nameof(options));
        RequireFaces(model);
        var prompts = Prompts(options.Prompts, options.Seed);
        var request = new GenerationRequest
        {
            Pictures = [.. prompts.Select((prompt, i) => new PictureWish(options.Seed + i, new Condition { Caption = prompt }))],
            Sampler = options.Sampler, Steps = options.Steps, Guidance = options.Guidance,
        };
        var drawn = ImageGenerator.Generate(model, request, progress, cancellationToken).Select(picture => picture.Image).ToList();
        var faces = new FaceDataset(options.Prompts, (ulong)options.Seed, reader.Size);
        var originals = new PixelImage[options.Prompts];
        Parallel.For(0, originals.Length, new ParallelOptions { CancellationToken = cancellationToken }, i => originals[i] = faces.Get(i).Image);
        return Compare(prompts, reader.Read(drawn), reader.Read(originals), [.. reader.Errors.Select(error => ErrorsAllowed * error)]);
    }

    /// <summary>Throws if a model's pictures cannot be faces that captions ask for.</summary>
    /// <exception cref="ArgumentException">It says why not.</exception>
    public static void RequireFaces(DiffusionModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        var config = model.Config;
        if (!config.Conditioner.Conditions.OfType<TextConditionConfig>().Any()) throw new ArgumentException("The model knows no captions, so it cannot be asked in words; take one that was trained with --condition text.");
        if (config.Channels != 3 || config.Height != config.Width || config.Height % 16 != 0)
            throw new ArgumentException($"The model draws {config.Width}×{config.Height} pixels with {config.Channels} channels; prompts are measured on square faces in colour whose side is a multiple of 16.");
    }

    /// <summary>What is named in the prompts, found in what was read.</summary>
    /// <param name="prompts">The prompts.</param>
    /// <param name="drawn">The factors read off the model's pictures.</param>
    /// <param name="originals">The factors read off the faces of the prompts.</param>
    /// <param name="slack">How far outside a named range each factor may lie.</param>
    internal static PromptReport Compare(IReadOnlyList<string> prompts, IReadOnlyList<double[]> drawn, IReadOnlyList<double[]> originals, IReadOnlyList<double> slack)
    {
        var named = prompts.SelectMany((prompt, i) => FaceCaptions.Read(prompt).GroupBy(phrase => phrase.Attribute).Select(phrases => (Prompt: i, Attribute: phrases.Key, Phrases: phrases.ToList()))).ToList();
        var attributes = FaceAttributes.All.Select((attribute, k) =>
        {
            var of = named.Where(entry => entry.Attribute == attribute.Attribute.Name).ToList();
            return of.Count == 0 ? null : new AttributeAccuracy(attribute.Attribute.Name, of.Count, Share(of, drawn, k, slack[k]), Share(of, originals, k, slack[k]), slack[k]);
        }).OfType<AttributeAccuracy>().ToList();
        var all = attributes.Sum(attribute => attribute.Named);
        return new(prompts.Count, all, Mean(attribute => attribute.Followed), Mean(attribute => attribute.Readable), attributes);

        double Mean(Func<AttributeAccuracy, double> share) => attributes.Sum(attribute => attribute.Named * share(attribute)) / Math.Max(1, all);
    }

    private static double Share(List<(int Prompt, string Attribute, List<FacePhrase> Phrases)> named, IReadOnlyList<double[]> read, int attribute, double slack) =>
        named.Count(entry => entry.Phrases.All(phrase => read[entry.Prompt][attribute] >= phrase.Minimum - slack && read[entry.Prompt][attribute] <= phrase.Maximum + slack)) / (double)named.Count;
}
