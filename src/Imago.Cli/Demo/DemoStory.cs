using System.Globalization;
using Imago.Autoencoders;
using Imago.Data.Faces;
using Imago.Exploration;
using Imago.Images;
using Imago.Models;
using Imago.Reports;
using Imago.Training;
using TorchSharp;
using static System.FormattableString;
using static TorchSharp.torch;

namespace Imago.Cli.Demo;

/// <summary>What the demo made, for <c>--json</c>.</summary>
internal sealed record DemoResult(string Page, string Vae, string Painter, IReadOnlyDictionary<string, double> Figures);

/// <summary>The lecture's story of autoencoders and diffusion, with pictures and numbers made on the spot.</summary>
internal sealed class DemoStory(DemoPlan plan, CommandContext context)
{
    private const int Shown = 10;
    private readonly DemoWorkshop _workshop = new(plan, context);
    private readonly SortedDictionary<string, double> _figures = new(StringComparer.Ordinal);
    private readonly HtmlPage _page = new(
        "How a machine learns to imagine faces",
        "From copying to inventing to painting what it is asked for: every picture and number on this page was learned and measured on this machine in the last few minutes, by Imago.");

    private string AeFolder => Path.Combine(plan.Folder, "ae");

    private string VaeFolder => Path.Combine(plan.Folder, "vae");

    private string PageFile => Path.Combine(plan.Folder, "index.html");

    private string PainterFolder => Path.Combine(plan.Folder, "painter");

    /// <summary>Learns, measures and writes.</summary>
    internal DemoResult Tell()
    {
        Directory.CreateDirectory(plan.Folder);
        using var scope = NewDisposeScope();
        using var generator = new Generator((ulong)plan.Seed);
        Open();
        var painters = new DemoPainters(plan, context, _workshop);
        var judge = _workshop.LearnToMeasureSmiles();
        var ae = _workshop.Learn("learning to copy (autoencoder)", Objective("ae"), plan.Steps, AeFolder);
        var vae = _workshop.Learn("learning to imagine (VAE)", Objective("vae", DemoPlan.Lambda), plan.Steps, VaeFolder);
        var byLambda = DemoPlan.Lambdas.Select(lambda => (lambda, new LatentSpace(_workshop.Learn(Invariant($"λ = {lambda}"), Objective("vae", lambda), plan.LambdaSteps)))).ToList();
        using var codes = painters.LearnToPaintCodes(VaeFolder, PainterFolder);
        using var pixels = painters.LearnToPaintPixels();
        var history = RunFolder.Open(VaeFolder).ReadMetrics().Where(line => line.Kind == "train").ToList();

        context.Track("drawing and measuring", sink =>
        {
            var (copying, imagining) = (new LatentSpace(ae), new LatentSpace(vae));
            var faces = imagining.Load(_workshop.HeldOut, context.Cancellation);
            var (aeCodes, vaeCodes) = (copying.Encode(_workshop.HeldOut), imagining.Encode(_workshop.HeldOut));
            var diffusion = new DiffusionStory(plan, _page, _figures, new Painter(codes.Model, _workshop.HeldOut));
            var contest = new DiffusionContest(plan, _page, _figures, faces[..plan.Judged]);
            Action[] chapters =
            [
                () => Copies(faces, copying, imagining),
                () => Sampling(copying, imagining, aeCodes, vaeCodes, generator),
                () => Lambda(faces, byLambda, generator),
                () => Walks(faces, imagining, vaeCodes),
                () => Smiles(faces, imagining, judge),
                () => Between(faces, imagining),
                () => Evidence(faces, imagining, history, generator),
                () => diffusion.Noise(generator),
                () => diffusion.Guesses(generator),
                () => contest.PixelsOrCodes(pixels.Model, codes.Model, imagining, generator, context.Cancellation),
                () => diffusion.Guidance(generator, context.Cancellation),
                () => diffusion.Words(context.Cancellation),
                () => diffusion.Methods(context.Cancellation),
                () => contest.RateAndDistortion(pixels.Model, byLambda, generator, context.Cancellation),
                End,
            ];
            using var noGrad = no_grad();
            for (var i = 0; i < chapters.Length; i++)
            {
                context.Cancellation.ThrowIfCancellationRequested();
                using var chapter = NewDisposeScope();
                chapters[i]();
                sink.Report(i + 1, chapters.Length);
            }
        });

        _page.Save(PageFile);
        return new DemoResult(PageFile, VaeFolder, PainterFolder, _figures);
    }

    /// <summary>What can be shown before anything is learned, so that there is something to look at while it is.</summary>
    private void Open()
    {
        Introduce();
        _page.Save(PageFile);
        context.Say($"The first pictures are in {PageFile}; the rest of the page follows once it is learned.");
    }

    private void End() => _page.Paragraph($"Everything above can be tried on: `imago generate --model {PainterFolder} \"a woman with green eyes and a bun\"` paints more; `imago traverse {VaeFolder}` walks the codes. With your own pictures: `imago train autoencoder --data FOLDER`, then `imago train diffusion --data FOLDER`.");

    private static ObjectiveConfig Objective(string name, double beta = 1) => new() { Name = name, Likelihood = LikelihoodKind.GaussianOptimal, Beta = beta };

    private void Introduce()
    {
        _page.Section("The pictures");
        _page.Paragraph($"{plan.Faces} portraits to learn from and {plan.HeldOut} that no model has seen. They are drawn, not photographed, so that every factor of a face is known exactly: "
            + "its smile, gaze, hair, glasses, light. The models below see only pixels; the factors are used to check what they have understood.");
        var large = new FaceDataset(20, (ulong)plan.Seed, 88, framing: FaceFraming.CloseUp);
        _page.Grid([.. Enumerable.Range(0, large.Count).Select(i => large.Get(i).Image)], 10, "Twenty of the faces.");
    }

    private void Copies(Tensor faces, LatentSpace ae, LatentSpace vae)
    {
        var (byAe, byVae) = (Reconstructions.Of(ae, faces), Reconstructions.Of(vae, faces));
        _figures["ae_psnr"] = Reconstructions.PeakSignalToNoise(faces, byAe).Average();
        _figures["vae_psnr"] = Reconstructions.PeakSignalToNoise(faces, byVae).Average();
        _page.Section("Learning to copy");
        _page.Paragraph($"An *autoencoder* squeezes a picture x of {3 * DemoPlan.Size * DemoPlan.Size} numbers through a bottleneck z of {DemoPlan.Latents} and paints it again: `x → z → x̂`. "
            + "It is trained so that x̂ resembles x. A *variational* autoencoder (VAE) does the same, but its encoder gives a cloud instead of a point, a mean and a spread for each latent, and it pays for clouds that stray from the standard normal distribution.");
        _page.Display("plain:        loss = −log p(x | z)\nvariational:  loss = −log p(x | z) + λ · KL( q(z | x) ‖ N(0, 1) ),   z ~ q(z | x)");
        _page.Grid([.. Pick(faces), .. Pick(byAe), .. Pick(byVae)], Shown, "Held-out faces, and what is left of them after the bottleneck.", ["original", "plain", "VAE"]);
        _page.Figures(($"{_figures["ae_psnr"]:0.0} dB", "likeness of the plain autoencoder's copies"), ($"{_figures["vae_psnr"]:0.0} dB", "likeness of the VAE's copies"));
        _page.Paragraph("The plain autoencoder copies a little better: nothing distracts it. So why would one want anything else?");
    }

    private void Sampling(LatentSpace ae, LatentSpace vae, LatentCodes aeCodes, LatentCodes vaeCodes, Generator generator)
    {
        _page.Section("Why a copier cannot imagine");
        _page.Paragraph("Take away the encoder, draw z from a standard normal distribution, and let the decoder paint. The VAE draws new people. The plain autoencoder, given the very same numbers, does not: nobody told it where faces live in its space of codes.");
        var z = PriorSamples.Normal(ae, 2 * Shown, generator);
        _page.Grid([.. Pictures.FromBatch(ae.Decode(z), PixelRange.ZeroToOne), .. Pictures.FromBatch(vae.Decode(z), PixelRange.ZeroToOne)], Shown,
            "The same random codes, decoded by both. No face below is in the data.", ["plain", "", "VAE", ""]);

        var (a, v) = (Habits(ae, aeCodes), Habits(vae, vaeCodes));
        _page.Paragraph("Three habits of the plain autoencoder's codes are to blame, and each can be measured on the held-out faces.");
        _page.Table(["", "plain autoencoder", "VAE"],
        [
            ["*Scale*: standard deviation of the latents, smallest to largest", $"{a.Low:0.00} to {a.High:0.00}", $"{v.Low:0.00} to {v.High:0.00}"],
            ["*Correlation*: mean |r| between two latents", $"{a.Correlation:0.000}", $"{v.Correlation:0.000}"],
            ["*Gaps*: a random code, decoded and encoded again, lands this far from itself", $"{a.Gap:P0} of its length", $"{v.Gap:P0} of its length"],
        ]);
        foreach (var (name, habits) in new[] { ("ae", a), ("vae", v) })
            (_figures[$"{name}_latent_std_max"], _figures[$"{name}_latent_correlation"], _figures[$"{name}_cycle_error"]) = (habits.High, habits.Correlation, habits.Gap);
        _page.Chart(new SvgChart
        {
            XLabel = "latent, by decreasing spread",
            YLabel = "standard deviation of the codes",
            Series = [Spread("plain autoencoder", aeCodes), Spread("VAE (means)", vaeCodes)],
        }, "The prior expects 1 everywhere. The VAE's codes keep close to it; the plain autoencoder's are as wide as they happen to be.");
    }

    private static ChartSeries Spread(string name, LatentCodes codes) =>
        new(name, [.. codes.Means.std(0, unbiased: false).sort(descending: true).Values.to(float64).data<double>().ToArray().Select((s, i) => ((double)i + 1, s))]);

    /// <summary>Smallest and largest standard deviation, mean absolute correlation of pairs, and how far decode-then-encode moves random codes.</summary>
    private (double Low, double High, double Correlation, double Gap) Habits(LatentSpace space, LatentCodes codes)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator((ulong)plan.Seed);
        var std = codes.Means.std(0, unbiased: false);
        var used = codes.Means.index_select(1, (std > 0.05 * std.max()).nonzero().squeeze(1));
        var r = corrcoef(used.to(float64).t()).abs();
        var pairs = r.shape[0] * (r.shape[0] - 1.0);
        var z = PriorSamples.Normal(space, 256, generator);
        var back = space.Encode(space.Decode(z)).Mean;
        return (std.min().item<float>(), std.max().item<float>(), (r.sum().item<double>() - r.shape[0]) / Math.Max(pairs, 1), ((back - z).norm() / z.norm()).item<float>());
    }

    private void Lambda(Tensor faces, List<(double Lambda, LatentSpace Space)> models, Generator generator)
    {
        _page.Section("How much order: λ");
        _page.Paragraph("λ says how much a stray cloud costs. Too little, and the VAE behaves like the copier: good copies, no faces from random codes. Too much, and it gives up on detail: everything it knows is an average face. The three VAEs below were trained for equally long.");
        var z = PriorSamples.Normal(models[0].Space, Shown, generator);
        List<PixelImage> pictures = [];
        List<string> labels = [];
        List<IReadOnlyList<string>> rows = [];
        foreach (var (lambda, space) in models)
        {
            var posterior = space.Encode(faces);
            var copies = space.Decode(posterior.Mean);
            pictures.AddRange([.. Pick(copies), .. Pictures.FromBatch(space.Decode(z), PixelRange.ZeroToOne)]);
            labels.AddRange([Invariant($"λ={lambda} copies"), "drawn"]);
            rows.Add([Invariant($"λ = {lambda}"), $"{Reconstructions.PeakSignalToNoise(faces, copies).Average():0.0} dB", $"{posterior.Kl().mean().item<float>():0.0} nats"]);
        }
        _page.Grid(pictures, Shown, "Copies of held-out faces, and faces drawn from the prior, for three weights λ.", [.. labels]);
        _page.Table(["", "likeness of copies", "information kept, KL"], rows);
    }

    private void Walks(Tensor faces, LatentSpace vae, LatentCodes codes)
    {
        const int latents = 8, steps = 9;
        _page.Section("What each latent means");
        _page.Paragraph("Start from one face and move a single latent from one end of its range to the other. Nobody told the VAE what hair, light or turning a head is; these are the directions in which faces vary most usefully for copying them. The rows are ordered by how much the latent knows (its KL, in nats).");
        var z = vae.Encode(faces[..1]).Mean[0];
        var walked = codes.Summarise().Take(latents).ToList();
        var path = cat([.. walked.Select(latent => Traversals.Along(z, latent.Index, Traversals.Values(latent.Low, latent.High, steps)))]);
        _page.Grid(Pictures.FromBatch(vae.Decode(path), PixelRange.ZeroToOne), steps, "One latent a row, from its 1st to its 99th percentile.",
            [.. walked.Select(latent => Invariant($"z{latent.Index} {latent.Information:0.0}"))]);
    }

    private void Smiles(Tensor faces, LatentSpace vae, ImageClassifier judge)
    {
        double[] strengths = [-0.5, 0, 0.5, 1, 1.5, 2];
        var truth = Enumerable.Range(0, _workshop.HeldOut.Count).Select(i => _workshop.HeldOutFactors(i).Smile).ToArray();
        var agreement = Agreement(Measure(judge, faces), truth);
        using var codes = vae.Encode(_workshop.Faces, cancellation: context.Cancellation);
        var smiling = Enumerable.Range(0, _workshop.Faces.Count).Select(i => _workshop.Factors(i).Smile > 0.3).ToArray();
        using var direction = AttributeEdit.Learn(codes.Means, smiling);

        _page.Section("Adding a smile");
        _page.Paragraph("Average the codes of smiling faces, subtract the average of the others: the difference is a direction called *smile*. Add it to the code of a face that has never been seen, and decode.");
        var sad = Enumerable.Range(0, truth.Length).Where(i => truth[i] < -0.2).Take(200).ToArray();
        var z = vae.Encode(faces[tensor(sad.Select(i => (long)i).ToArray())]).Mean;
        var shown = AttributeEdit.Apply(z[..6], direction.Vector, strengths);
        _page.Grid(Pictures.FromBatch(vae.Decode(shown), PixelRange.ZeroToOne), strengths.Length, "Frowning held-out faces with the smile added at growing strength; column “0” is the plain copy.", columnLabels: [.. strengths.Select(s => s.ToString("+0.0;-0.0;0", CultureInfo.InvariantCulture))]);

        var measured = strengths.Select(s => Measure(judge, vae.Decode(AttributeEdit.Apply(z, direction.Vector, [s]))).Average()).ToArray();
        _page.Chart(new SvgChart
        {
            XLabel = "strength",
            YLabel = "smile factor (−1 frown … 1 grin)",
            Series =
            [
                new ChartSeries("measured after the edit", [.. strengths.Zip(measured)], Marks: true),
                new ChartSeries("true, before", [.. strengths.Select(s => (s, sad.Average(i => truth[i])))]),
                new ChartSeries("smiling faces, true", [.. strengths.Select(s => (s, truth.Where(t => t > 0.3).Average()))]),
            ],
        }, $"Mean over {sad.Length} frowning faces. The smile is measured by a second network that was trained on pixels alone; on held-out originals it explains {agreement:P1} of the true factor's variance.");
        (_figures["smile_judge_r2"], _figures["smile_before"], _figures["smile_at_1"], _figures["smile_at_2"]) = (agreement, measured[1], measured[3], measured[5]);
    }

    /// <summary>The smile factor of pictures, as the judge reads it. [N, 3, H, W] in [0, 1].</summary>
    private static double[] Measure(ImageClassifier judge, Tensor pictures)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return cat([.. pictures.split(64).Select(batch => judge.call(batch))]).squeeze(1).to(float64).data<double>().ToArray();
    }

    /// <summary>R², the share of the variance of the truth that the measurement explains.</summary>
    private static double Agreement(double[] measured, double[] truth)
    {
        var mean = truth.Average();
        return 1 - measured.Zip(truth, (m, t) => (m - t) * (m - t)).Sum() / truth.Sum(t => (t - mean) * (t - mean));
    }

    private void Between(Tensor faces, LatentSpace vae)
    {
        const int side = 9;
        _page.Section("Between people");
        _page.Paragraph("Because the VAE's codes have no gaps, the straight line between two faces passes through faces all the way. Here are four held-out people in the corners, and everyone between them.");
        var z = vae.Encode(faces[..4]).Mean;
        _page.Grid(Pictures.FromBatch(vae.Decode(Interpolations.Grid(Interpolations.Straight, z[0], z[1], z[2], z[3], side, side).flatten(0, 1)), PixelRange.ZeroToOne), side, "Every cell mixes the four corners' codes in proportion to its place.");
    }

    private void Evidence(Tensor faces, LatentSpace space, List<MetricsLine> history, Generator generator)
    {
        _page.Section("What was being optimised all along");
        _page.Paragraph("The probability of a picture, log p(x), would need an integral over all codes. The VAE climbs a lower bound of it instead, the ELBO: how well a picture is explained by its own codes, minus how surprising those codes are.");
        _page.Display("log p(x) ≥ ELBO = E[ log p(x | z) ] − KL( q(z | x) ‖ p(z) )");
        var later = history.Skip(history.Count / 20).ToList();
        Curve("−ELBO", later, "thousand nats per picture", at => (at.Values["reconstruction"] + at.Values["kl"]) / 1000,
            "The bound over training, lower is better. Negative numbers are fine here: with a Gaussian on continuous pixels, log p is a density, not a probability.");
        Curve("KL", later, "nats per picture", at => at.Values["kl"], Invariant($"Its second part: what the codes tell about the picture. The VAE above was trained with λ = {DemoPlan.Lambda}, which keeps it small."));

        var posterior = space.Encode(faces);
        var z = posterior.Sample(randn(posterior.Mean.shape, generator: generator));
        var distortion = (space.Decode(z) - faces).square().mean().item<float>();
        var (rate, dimensions) = (posterior.Kl().mean().item<float>(), 3.0 * DemoPlan.Size * DemoPlan.Size);
        var reconstruction = 0.5 * dimensions * (Math.Log(2 * Math.PI * distortion) + 1);
        (_figures["elbo_nats"], _figures["kl_nats"], _figures["reconstruction_nats"]) = (-(reconstruction + rate), rate, reconstruction);
        _page.Table(["held-out faces, mean per picture", "nats"],
        [
            ["reconstruction −E[log p(x | z)]", $"{reconstruction:0.0}"], ["KL", $"{rate:0.0}"], ["−ELBO", $"{reconstruction + rate:0.0}"],
        ]);
        _page.Paragraph($"With {rate / Math.Log(2):0} bits a face, the VAE keeps what matters and forgets the rest.");
    }

    private void Curve(string name, List<MetricsLine> history, string unit, Func<MetricsLine, double> value, string caption) => _page.Chart(new SvgChart
    {
        XLabel = "training step",
        YLabel = unit,
        Series = [new ChartSeries(name, [.. history.Select(at => ((double)at.Step, value(at)))])],
    }, caption);

    private static IReadOnlyList<PixelImage> Pick(Tensor pictures) => Pictures.FromBatch(pictures[..Shown], PixelRange.ZeroToOne);
}
