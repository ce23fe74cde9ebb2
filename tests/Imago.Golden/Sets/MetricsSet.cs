using System.Text.Json;
using Imago.Diffusion;
using Imago.Probability;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>The set <c>metrics</c>: measures of images, of sets of them, of representations and of likelihood. A case's name begins with the kind of measure.</summary>
internal sealed partial class MetricsSet : GoldenSet
{
    /// <inheritdoc/>
    public override string Name => "metrics";

    /// <inheritdoc/>
    protected override void Run(GoldenCase golden, Checks check)
    {
        switch (golden.Name)
        {
            case "bpd/terms": RunTerms(golden, check); break;
            case "bpd/loop": RunLoop(golden, check); break;
            case "features/fid": RunFrechet(golden, check); break;
            case "features/statistics": RunStatistics(golden, check); break;
            case "features/kid": RunKernelDistance(golden, check); break;
            case "features/isc": RunInceptionScore(golden, check); break;
            case "features/prdc": RunPrecisionRecall(golden, check); break;
            case "features/mind": RunSliced(golden, check); break;
            case "features/sfid": RunSpatial(golden, check); break;
            case "features/ppl": RunPathLength(golden, check); break;
            case "features/fid_infinity": RunExtrapolation(golden, check); break;
            case "inception/weights": RunInceptionWeights(golden, check); break;
            case "inception/preprocess": RunInceptionPictures(golden, check); break;
            case "inception/features": RunInceptionFeatures(golden, check); break;
            case "inception/blocks": RunInceptionBlocks(golden, check); break;
            case "inception/torchvision": RunTorchvision(golden, check); break;
            case "resize/filters": RunResizing(golden, check); break;
            case "e2e/folders": RunFolders(golden, check); break;
            case "pairs/psnr_ssim": RunPairs(golden, check); break;
            case "decode/png": RunDecoding(golden, check); break;
            case var name when name.StartsWith("disentanglement/", StringComparison.Ordinal): RunDisentanglement(golden, check); break;
            case "random/numpy_randomstate": RunNumpyRandom(golden, check); break;
            case "stats/npz": RunStatisticsFiles(golden, check); break;
            default: throw new NotImplementedHereException($"Imago has no measure yet that {golden.Name} could test");
        }
    }

    private static void RunTerms(GoldenCase golden, Checks check)
    {
        using var file = golden.Open(Path.ChangeExtension(golden.Entry.GetProperty("json").GetString()!, ".safetensors"));
        Tensor Read(string name) => file.Read(name).to(float64);
        var tolerance = golden.Entry.GetProperty("tolerance");
        var (exact, single) = (tolerance.GetProperty("float64").GetProperty("rel").GetDouble(), tolerance.GetProperty("normal_kl").GetProperty("rel").GetDouble());
        var (first, second) = (new DiagonalGaussian(Read("mean1"), Read("logvar1")), new DiagonalGaussian(Read("mean2"), Read("logvar2")));
        check.Tensor("normal_kl", first.KlPerLatent(second), Read("normal_kl"), single);
        check.Tensor("normal_kl_to_standard", first.KlPerLatent(), Read("normal_kl_to_standard"), single);
        Tensor PerNumber(bool approximate) => -Reconstruction.DiscretisedGaussian(
            Read("means").flatten().unsqueeze(1), Read("log_scales").flatten().unsqueeze(1), Read("x").flatten().unsqueeze(1), approximate).view(Read("x").shape);
        check.Tensor("discretized_log_likelihood_float64", PerNumber(approximate: true), Read("discretized_log_likelihood_float64"), exact);
        check.Tensor("discretized_log_likelihood_exact_cdf_float64", PerNumber(approximate: false), Read("discretized_log_likelihood_exact_cdf_float64"), exact);
        var bits = golden.Json(golden.Entry.GetProperty("json").GetString()!).GetProperty("expected").GetProperty("nll_bits_per_dim_float64");
        check.Tensor("nll_bits_per_dim_float64", -PerNumber(approximate: true).flatten(1).mean([1L]) / Math.Log(2), tensor(bits.EnumerateArray().Select(value => value.GetDouble()).ToArray()), exact);
    }

    /// <summary>guided-diffusion's loop over all steps, with the noise of each.</summary>
    private static void RunLoop(GoldenCase golden, Checks check)
    {
        var root = golden.Json(golden.Entry.GetProperty("json").GetString()!);
        using var file = golden.Open(Path.ChangeExtension(golden.Entry.GetProperty("json").GetString()!, ".safetensors"));
        var tolerance = golden.Entry.GetProperty("tolerance");
        double Tolerance(string key, string kind) => tolerance.GetProperty(key).GetProperty(kind).GetDouble();
        Tensor Read(string name) => file.Read(name).to(float64);
        var x0 = Read("x_start");
        foreach (var entry in root.GetProperty("cases").EnumerateArray())
        {
            var name = entry.GetProperty("name").GetString()!;
            var process = VariancePreserving.FromBetas(Read($"betas_{entry.GetProperty("schedule").GetString()}").data<double>().ToArray());
            var bound = VariationalBound.Of(process, entry.GetProperty("model_var_type").GetString() switch
            {
                "FIXED_SMALL" => ReverseVariance.FixedSmall,
                "FIXED_LARGE" => ReverseVariance.FixedLarge,
                "LEARNED" => ReverseVariance.Learned,
                "LEARNED_RANGE" => ReverseVariance.LearnedRange,
                var other => throw new NotImplementedHereException($"the variance {other}"),
            });
            var (terms, squares, errors) = (new List<Tensor>(), new List<Tensor>(), new List<Tensor>());
            for (int step = 0; step < bound.Steps; step++)
            {
                int[] steps = [.. Enumerable.Repeat(step, (int)x0.shape[0])];
                var (level, noise) = (bound.LevelOf(step), Read("noise")[step]);
                var x = Estimates.Noisy(x0, noise, level);
                var estimate = Estimate(entry, root.GetProperty("model"), x, level);
                var second = bound.Variance == ReverseVariance.Learned ? bound.Posterior(x, x0, steps).LogVar + 0.2 * x.sin() : (0.8 * x).tanh();
                terms.Add(bound.Term(x0, x, bound.Reverse(x, estimate, second, steps), steps));
                squares.Add((estimate - x0).square().flatten(1).mean([1L]));
                errors.Add((Estimates.Epsilon(x, estimate, level) - noise).square().flatten(1).mean([1L]));
            }
            var (vb, prior) = (stack(terms, 1), bound.Prior(x0));
            check.Tensor($"{name}.vb", vb, Read($"{name}.vb"), Tolerance("vb, mse", "rel"));
            check.Tensor($"{name}.xstart_mse", stack(squares, 1), Read($"{name}.xstart_mse"), Tolerance("vb, mse", "rel"));
            check.Tensor($"{name}.mse", stack(errors, 1), Read($"{name}.mse"), Tolerance("vb, mse", "rel"));
            check.Tensor($"{name}.prior_bpd", prior, Read($"{name}.prior_bpd"), Tolerance("total_bpd", "abs"));
            check.Tensor($"{name}.total_bpd", vb.sum(1) + prior, Read($"{name}.total_bpd"), Tolerance("total_bpd", "abs"));
            check.Tensor($"{name}.rate_bits_per_dim", prior.unsqueeze(1) + vb.cumsum(1), Read($"{name}.rate_bits_per_dim"), Tolerance("total_bpd", "abs"));
            check.Tensor($"{name}.distortion_rmse_0_255", 127.5 * stack(squares, 1).sqrt(), Read($"{name}.distortion_rmse_0_255"), Tolerance("vb, mse", "rel"));
        }
    }

    /// <summary>The set's model: the exact ε of data N(m, s2), said in one way or another.</summary>
    private static Tensor Estimate(JsonElement entry, JsonElement model, Tensor x, NoiseLevel level)
    {
        var (m, s2) = (model.GetProperty("m").GetDouble(), model.GetProperty("s2").GetDouble());
        var (alpha2, sigma2) = (level.Alpha * level.Alpha, level.Sigma * level.Sigma);
        var x0 = Prediction.Epsilon.ToX0(level.Sigma * (x - level.Alpha * m) / (alpha2 * s2 + sigma2), x, level);
        var clips = entry.GetProperty("clip_denoised").GetBoolean() || entry.GetProperty("model_mean_type").GetString() == "PREVIOUS_X";
        return clips ? x0.clamp(-1, 1) : x0;
    }
}
