using System.Globalization;
using Imago.Data;
using Imago.Diffusion;
using Imago.Exploration;
using Imago.Generation;
using Imago.Images;
using Imago.Models;
using Imago.Reports;
using TorchSharp;
using static System.FormattableString;
using static TorchSharp.torch;

namespace Imago.Cli.Demo;

/// <summary>A model that paints from captions, and pictures like those that it knows, which it has not learned from.</summary>
internal sealed record Painter(DiffusionModel Model, ImageDataset Faces);

/// <summary>The second half of the story: diffusion.</summary>
internal sealed class DiffusionStory(DemoPlan plan, HtmlPage page, IDictionary<string, double> figures, Painter painter)
{
    private const int Averaged = 4, ReferenceSteps = 1000;
    private const string Wish = "a smiling man with blue hair and square glasses";

    private static readonly double[] Scales = [0, 1, 2, 3, 5, 7, 10];
    private static readonly int[] StepCounts = [3, 5, 10, 20, 50];
    private static readonly string[] Exact = ["euler", "heun", "dpm2", "dpmpp_2m", "dpmpp_3m", "unipc", "deis"];
    private static readonly string[] Random = ["euler_ancestral", "dpmpp_2m_sde"];

    private static readonly string[] Prompts =
    [
        "a smiling woman with red hair and round glasses", Wish, "a frowning bald man with a full beard", "a lady with long straight blond hair",
        "a man with short grey hair and a moustache", "pink ponytail, dark skin, big grin", "black afro, round glasses",
    ];

    private DiffusionModel Model => painter.Model;

    /// <summary>How a picture drowns in noise, in pixels and in codes.</summary>
    internal void Noise(Generator generator)
    {
        page.Section("Drowning a face in noise");
        page.Paragraph("There is another way to learn to imagine. Spoil a picture step by step until nothing but noise is left, and teach a network to undo it. Spoiling needs no learning: mix the picture x₀ with noise ε.");
        page.Display("x = α x₀ + σ ε,   ε ~ N(0, 1)        signal-to-noise ratio = α² / σ²");
        var levels = Levels(0.15, 0.3, 0.45, 0.6, 0.8, 1);
        var pixels = Pixels(1);
        var codes = Model.Codec.Encode(pixels);
        var (noise, codeNoise) = (Draw(pixels.shape, generator), Draw(codes.shape, generator));
        var inPixels = cat([.. levels.Select(level => Estimates.Noisy(pixels, noise, level))]);
        var inCodes = Model.Codec.Decode(cat([.. levels.Select(level => Estimates.Noisy(codes, codeNoise, level))]));
        page.Grid([.. inPixels.Shown(), .. inCodes.Shown()], levels.Length,
            "The same face, ever noisier. Above, noise is mixed into its pixels. Below, into its code, which is then decoded: the face does not become grainy, it becomes someone else.",
            ["pixels", "codes"], [.. levels.Select(level => Invariant($"σ = {level.Sigma:0.00}"))]);
        page.Table(["", .. levels.Select((_, i) => i == 0 ? "clean" : $"{i}")],
        [
            ["α, how much picture is left", .. levels.Select(level => Invariant($"{level.Alpha:0.00}"))],
            ["σ, how much noise there is", .. levels.Select(level => Invariant($"{level.Sigma:0.00}"))],
            ["signal-to-noise ratio", .. levels.Select(level => level.IsClean ? "∞" : Invariant($"{level.Snr:0.##}"))],
        ]);
    }

    /// <summary>What the network makes of each level.</summary>
    internal void Guesses(Generator generator)
    {
        page.Section("What the network sees in the noise");
        page.Paragraph($"The network is shown the noisy code of a face and how noisy it is, and guesses the clean one: x̂₀. The guess that is right on average is the mean of all faces that could hide in that noise. In pure noise that is everyone, so it should paint the average face (minutes of training teach it that only roughly); the less noise, the fewer people it can be. A caption narrows them down before anything is seen.");
        var levels = Levels(0.15, 0.3, 0.45, 0.6, 0.8, 1).Reverse().ToArray();
        var face = painter.Faces.Get(1);
        var x0 = Model.Codec.Encode(Pixels(1, first: 1));
        var noise = Draw(x0.shape, generator);
        var (said, nothing) = (Encode([face.Caption]), Model.Conditioner.Null(1, Model.ComputeType));
        var noisy = levels.Select(level => Estimates.Noisy(x0, noise, level)).ToArray();
        Tensor Guess(Conditioning condition) => Model.Codec.Decode(cat([.. levels.Zip(noisy, (level, x) => level.IsClean ? x.alias() : Model.Denoise(condition)(x, level))]));
        page.Grid([.. Model.Codec.Decode(cat(noisy)).Shown(), .. Guess(nothing).Shown(), .. Guess(said).Shown()], levels.Length,
            $"From pure noise to clean: what the network is shown, what it guesses, and what it guesses when told “{face.Caption}”.",
            ["shown", "guess", "told"], [.. levels.Select(level => Invariant($"σ = {level.Sigma:0.00}"))]);

        var many = Model.Codec.Encode(Pixels(plan.Judged));
        var fresh = Draw(many.shape, generator);
        var captions = Encode([.. Enumerable.Range(0, plan.Judged).Select(i => painter.Faces.Get(i).Caption)]);
        var nobody = Model.Conditioner.Null(plan.Judged, Model.ComputeType);
        var measured = Levels(0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1)[1..];
        ChartSeries Errors(string name, Conditioning condition) => new(name, [.. measured.Select(level => (level.Sigma, Error(many, fresh, level, condition)))], Marks: true);
        var (without, with) = (Errors("without words", nobody), Errors("told the caption", captions));
        page.Chart(new SvgChart { XLabel = "σ", YLabel = "mean squared error of x̂₀", Series = [without, with] },
            $"Over {plan.Judged} held-out faces. 1 is the variance of the codes, the error of always guessing the average face. Words help most where the noise hides most.");
        (figures["guess_error_noise"], figures["guess_error_noise_told"]) = (without.Points[^1].Y, with.Points[^1].Y);
    }

    /// <summary>How guidance trades variety for obedience.</summary>
    internal void Guidance(Generator generator, CancellationToken cancellation)
    {
        const int people = 3, measured = 16;
        page.Section("Guidance: doing as one is told");
        page.Paragraph("Painting is undoing noise from nothing but noise, a little at a time, always towards the guess. Now ask twice at every step: what is in this noise, and what is in it if the caption is true? The difference is what the caption demands; exaggerate it.");
        page.Display("x̂₀ = without + w · (with − without)");
        var drawn = Scales.Select(w => Paint([.. PictureWish.Many(Said(Wish), measured, plan.Seed)], cancellation, guidance: w)).ToList();
        page.Grid([.. Enumerable.Range(0, people).SelectMany(row => drawn.Select(pictures => pictures[row]))], Scales.Length,
            $"“{Wish}”: the same three drops of noise under growing guidance. At w = 0 the caption is not heard, at 1 it is taken at its word, beyond that it is insisted on.",
            columnLabels: [.. Scales.Select(w => Invariant($"w = {w}"))]);

        var levels = Levels(0.3, 0.5, 0.7, 0.9)[1..];
        var (said, nothing) = (Encode([.. Enumerable.Repeat(Wish, measured)]), Model.Conditioner.Null(measured, Model.ComputeType));
        var rows = drawn.Select(pictures =>
        {
            var pixels = Batch(pictures);
            var x0 = Model.Codec.Encode(pixels);
            var noise = Draw(x0.shape, generator);
            double Total(Conditioning condition) => levels.Sum(level => Error(x0, noise, level, condition));
            return (Variety: 127.5 * pixels.std(0, unbiased: true).mean().item<float>(), Gain: 1 - Total(said) / Total(nothing));
        }).ToList();
        page.Table(["guidance w", .. Scales.Select(w => Invariant($"{w}"))],
        [
            ["*variety*: how much the pictures differ, in grey levels of 255", .. rows.Select(row => Invariant($"{row.Variety:0.0}"))],
            ["*obedience*: how much better their noise is guessed with the caption", .. rows.Select(row => Invariant($"{row.Gain:P0}"))],
        ]);
        page.Paragraph($"Means of {measured} pictures each. Obedience is the network's own opinion: a caption that makes a picture easier to guess describes it (Bayes' theorem, read backwards). Variety is the price, and far too much guidance paints caricatures.");
        (figures["variety_unguided"], figures["variety_guided"], figures["obedience_unheard"], figures["obedience_guided"]) = (rows[1].Variety, rows[^1].Variety, rows[0].Gain, rows[3].Gain);
    }

    /// <summary>Captions become faces, and one becomes another.</summary>
    internal void Words(CancellationToken cancellation)
    {
        const int each = 6, between = 7;
        page.Section("Words become faces");
        page.Paragraph("All of it together. A small transformer reads the words, the denoiser turns noise into the code of a face that fits them, and the decoder paints it. Reader and denoiser have learned from captions and faces alone, side by side; nobody told them what *red* or *smiling* looks like.");
        page.Grid(Paint([.. Prompts.SelectMany((prompt, i) => PictureWish.Many(Said(prompt), each, plan.Seed + 100 * i))], cancellation), each,
            "The first six faces for each sentence, not chosen.", new GridOptions { RowLabels = Prompts, Scale = 2, TextScale = 1 });
        var (from, to) = (new PictureWish(plan.Seed, Said("a frowning man with short black hair and a beard")), new PictureWish(plan.Seed + 1, Said("a smiling woman with long blond hair")));
        page.Grid(Paint(PictureWish.Between(from, to, between), cancellation), between, $"From “{from.Condition.Caption}” to “{to.Condition.Caption}”: words and noise change in equal steps.");
    }

    /// <summary>One face by many methods.</summary>
    internal void Methods(CancellationToken cancellation)
    {
        page.Section("One face, many ways to get there");
        page.Paragraph("The way from noise to a face is a curve, and each of the network's guesses gives its direction at one point. Following it with long steps is fast and imprecise. Seventy years of numerical mathematics help: methods that look back or ahead come closer with the same number of guesses.");
        var pictures = Exact.Concat(Random).SelectMany(sampler => StepCounts.Select(steps => Paint([new(plan.Seed, Said(Wish))], cancellation, sampler, steps)[0])).ToList();
        page.Grid(pictures, StepCounts.Length, $"“{Wish}”, the same noise, by {Exact.Length + Random.Length} methods. The last two add fresh noise on the way, so they arrive at other faces.",
            new GridOptions { RowLabels = [.. Exact, .. Random], ColumnLabels = [.. StepCounts.Select(steps => $"{steps} steps")], Scale = 2, TextScale = 1 });

        var saidAndNot = Encode([.. Enumerable.Repeat(Wish, Averaged), .. Enumerable.Repeat((string?)null, Averaged)]);
        Tensor Guided(Tensor x, NoiseLevel level)
        {
            var both = Model.Denoise(saidAndNot)(cat([x, x]), level).chunk(2);
            return Diffusion.Guidance.ClassifierFree(both[0], both[1], Model.Config.Defaults.Guidance);
        }

        var noise = stack([.. Enumerable.Range(0, Averaged).Select(Start)]).to(Model.Device);
        (Tensor Pixels, int Evaluations) Run(string name, int steps)
        {
            var (info, schedule) = (Samplers.Find(name), Spacings.Find(Model.Config.Defaults.Spacing).Run(Model.Process, steps));
            return (Model.Codec.Decode(info.Run(Guided, schedule[0].Sigma * noise, schedule, new SamplingContext { CancellationToken = cancellation })), info.Evaluations(schedule)!.Value);
        }

        var reference = Run("dpmpp_2m", ReferenceSteps).Pixels;
        var series = Exact.Select(name => new ChartSeries(name, [.. StepCounts.Select(steps =>
        {
            var (pixels, evaluations) = Run(name, steps);
            figures[$"error_{name}_{steps}"] = 127.5 * (pixels - reference).square().mean().sqrt().item<float>();
            return ((double)evaluations, figures[$"error_{name}_{steps}"]);
        })], Marks: true)).ToList();
        page.Chart(new SvgChart { XLabel = "guesses of the network for a picture", YLabel = "error in grey levels of 255", LogX = true, LogY = true, Series = series },
            $"Distance from the exact end of the curve ({ReferenceSteps} steps of dpmpp_2m), root mean square over {Averaged} faces. With short steps, Euler's error falls with the number of guesses, that of the others with its square.");
    }

    private Tensor Start(int number)
    {
        using var generator = new Generator((ulong)(plan.Seed + number));
        return randn(Model.Shape, generator: generator);
    }

    private IReadOnlyList<PixelImage> Paint(IReadOnlyList<PictureWish> wishes, CancellationToken cancellation, string? sampler = null, int? steps = null, double? guidance = null) =>
        [.. ImageGenerator.Generate(Model, new GenerationRequest { Pictures = wishes, Sampler = sampler, Steps = steps, Guidance = guidance }, cancellationToken: cancellation).Select(picture => picture.Image)];

    private static Condition Said(string caption) => new() { Caption = caption };

    private Conditioning Encode(IReadOnlyList<string?> captions) => Model.Conditioner.Encode([.. captions.Select(caption => new Condition { Caption = caption })], Model.ComputeType);

    /// <summary>The clean level and those after given shares of the process.</summary>
    private NoiseLevel[] Levels(params double[] shares) => [Model.Process.AtRatio(0), .. shares.Select(Model.Process.AtShare)];

    /// <summary>Faces that nobody learned from, [N, 3, H, W] in [−1, 1].</summary>
    private Tensor Pixels(int count, int first = 0) => Batch([.. Enumerable.Range(first, count).Select(i => painter.Faces.Get(i).Image)]);

    private Tensor Batch(IReadOnlyList<PixelImage> pictures) => stack([.. pictures.Select(picture => Pictures.ToFloat(picture, PixelRange.MinusOneToOne))]).to(Model.Device);

    private Tensor Draw(long[] shape, Generator generator) => randn(shape, generator: generator).to(Model.Device);

    private double Error(Tensor x0, Tensor noise, NoiseLevel level, Conditioning condition) =>
        (Model.Denoise(condition)(Estimates.Noisy(x0, noise, level), level) - x0).square().mean().item<float>();
}
