using Imago.Data;
using Imago.Diffusion;
using Imago.Exploration;
using Imago.Generation;
using Imago.Images;
using Imago.Reports;
using TorchSharp;
using static System.FormattableString;
using static TorchSharp.torch;

namespace Imago.Cli.Demo;

/// <summary>The chapters that compare what the demo has trained: pixels against codes, and diffusion against autoencoders as ways of packing a picture.</summary>
internal sealed class DiffusionContest(DemoPlan plan, HtmlPage page, IDictionary<string, double> figures, Tensor heldOut)
{
    private const int Shown = 10, Levels = 40;

    /// <summary>Faces from a denoiser of pixels and from one of codes.</summary>
    internal void PixelsOrCodes(DiffusionModel pixels, DiffusionModel codes, LatentSpace vae, Generator generator, CancellationToken cancellation)
    {
        page.Section("Pixels or codes?");
        page.Paragraph($"A picture has {3 * DemoPlan.Size * DemoPlan.Size} numbers, its code in the VAE of this page {DemoPlan.Latents}. Two denoisers were trained equally long from nothing: one for pixels, one for codes, which the VAE's decoder turns into pixels. Neither is told anything here, so each paints whoever it likes.");
        var byPixels = Unconditional(pixels, cancellation);
        var byCodes = Unconditional(codes, cancellation);
        var byPrior = vae.Decode(PriorSamples.Normal(vae, Shown, generator), cancellation: cancellation);
        page.Grid([.. First(byPrior, Shown), .. First(byPixels, 2 * Shown), .. First(byCodes, 2 * Shown)], Shown,
            "Random codes decoded by the VAE, as before; faces by diffusion of pixels; faces by diffusion of the same VAE's codes. Not chosen.", ["VAE", "pixels", "", "codes", ""]);
        page.Paragraph("In pixels the denoiser must learn every edge of every face. In codes the VAE has done that already, and what is left to learn is which codes are faces. Its faces inherit the VAE's softness; the faults of the pixels are those of haste alone.");
    }

    /// <summary>Bits against likeness.</summary>
    internal void RateAndDistortion(DiffusionModel pixels, IReadOnlyList<(double Lambda, LatentSpace Space)> models, Generator generator, CancellationToken cancellation)
    {
        page.Section("How many bits is a face?");
        page.Paragraph("To describe is to compress. The KL of a VAE is the number of bits in which a face's code can be sent. A diffusion model can send a face too, level by level from noise to clean, and the receiver can stop at any time and look at the guess. Both climb the same bound, so both can be drawn in one picture: bits spent against the error that remains.");
        var codes = models.Select(model =>
        {
            var posterior = model.Space.Encode(heldOut);
            var z = posterior.Sample(randn(posterior.Mean.shape, generator: generator));
            var error = 255 * (model.Space.Decode(z, cancellation: cancellation) - heldOut).square().mean().sqrt().item<float>();
            return (model.Lambda, Bits: posterior.Kl().mean().item<float>() / Math.Log(2), Error: error);
        }).ToList();
        var report = DiffusionLikelihood.Evaluate(pixels, Bytes(), new BoundOptions { StepsPerBatch = Levels, Seed = plan.Seed }, cancellationToken: cancellation);
        var numbers = 3.0 * DemoPlan.Size * DemoPlan.Size;
        page.Chart(new SvgChart
        {
            XLabel = "bits for a face",
            YLabel = "root mean square error, grey levels of 255",
            LogX = true,
            Series =
            [
                new ChartSeries("diffusion of pixels, level by level", [.. report.Curve.Where(point => point.Rate is > 0 and < 8).Select(point => (numbers * point.Rate, point.Distortion))]),
                new ChartSeries("VAEs, one for each λ", [.. codes.Select(code => (code.Bits, (double)code.Error))], Marks: true),
            ],
        }, Invariant($"Held-out faces. The VAEs (λ = {string.Join(", ", DemoPlan.Lambdas)}, from right to left as λ grows) say what matters in few bits, and no more. The diffusion model of pixels, so briefly trained, pays more for the same likeness, but it was never told how much to keep: one model serves every number of bits. A plain file has {8 * numbers}."));
        foreach (var code in codes) (figures[Invariant($"bits_lambda_{code.Lambda}")], figures[Invariant($"error_lambda_{code.Lambda}")]) = (code.Bits, code.Error);

        IEnumerable<Tensor> Bytes()
        {
            using var bytes = Pictures.ToBytes(heldOut[..Math.Min(64, plan.HeldOut)], PixelRange.ZeroToOne);
            yield return bytes;
        }
    }

    /// <summary>Two rows of faces, [N, 3, H, W] in [0, 1].</summary>
    private Tensor Unconditional(DiffusionModel model, CancellationToken cancellation)
    {
        var drawn = ImageGenerator.Generate(model, new GenerationRequest { Pictures = PictureWish.Many(Condition.None, 2 * Shown, plan.Seed), Steps = 16 }, cancellationToken: cancellation);
        return stack([.. drawn.Select(picture => Pictures.ToFloat(picture.Image, PixelRange.ZeroToOne))]);
    }

    private static IReadOnlyList<PixelImage> First(Tensor faces, int count) => Pictures.FromBatch(faces[..count], PixelRange.ZeroToOne);
}
