using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Imago.Diffusion;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>The kind <c>training</c>: objectives, densities of times, EDM, the variational bound.</summary>
internal sealed partial class SchedulersSet
{
    private static void RunTraining(GoldenCase golden, Checks check)
    {
        switch (Fragments(golden))
        {
            case ["objectives"]: CompareObjective(golden, check); break;
            case ["flow"]: CompareFlow(golden, check); break;
            case ["sd3_weights"]: CompareFlowWeights(golden, check); break;
            case ["edm"]: CompareEdm(golden, check); break;
            case ["vlb"]: CompareBound(golden, check); break;
            case ["ema"]: CompareAverage(golden, check); break;
            case ["ema_other"]: CompareOtherAverages(golden, check); break;
            case ["sigma_densities"]: CompareDensities(golden, check); break;
            case ["stratified"]: CompareStratified(golden, check); break;
            case var other: throw new NotImplementedHereException($"training of the kind {string.Join(",", other)}");
        }
    }

    private static JsonElement Config(GoldenCase golden) => golden.Json(golden.Entry.GetProperty("config").GetString()!);

    private static TensorFile Tensors(GoldenCase golden) => golden.Open(golden.Entry.GetProperty("tensors").GetString()!);

    private static VariancePreserving ProcessOf(JsonElement config) => new(
        ConfigEnum<BetaSchedule>(config.GetProperty("beta_schedule").GetString()!),
        config.TryGetProperty("num_train_timesteps", out var steps) ? steps.GetInt32() : 1000,
        config.TryGetProperty("beta_start", out var start) ? start.GetDouble() : 1e-4,
        config.TryGetProperty("beta_end", out var end) ? end.GetDouble() : 0.02);

    private static T ConfigEnum<T>(string name) where T : struct, Enum => JsonSerializer.Deserialize<T>($"\"{name}\"", ConfigJson.Options);

    private static Prediction PredictionOf(string name) => name switch
    {
        "epsilon" => Prediction.Epsilon,
        "sample" => Prediction.Sample,
        "v_prediction" => Prediction.Velocity,
        _ => throw new NotImplementedHereException($"the prediction {name}"),
    };

    /// <summary>schedule/objective/prediction, or schedule/variant: the entries of the file say what each is.</summary>
    private static void CompareObjective(GoldenCase golden, Checks check)
    {
        using var file = Tensors(golden);
        var parts = golden.Name.Split('/');
        var ofSchedule = Config(golden).EnumerateArray().Where(entry => entry.GetProperty("schedule").GetString() == parts[0]).ToList();
        var process = ProcessOf(ofSchedule.First(entry => entry.TryGetProperty("config", out _)).GetProperty("config"));
        Tensor Read(string name) => file.Read(name).to(float64);
        var levels = new NoiseLevels([.. file.Read("obj/t").data<long>().Select(t => process.At(t))]);
        var (x0, noise, pred) = (Read("obj/x0"), Read("obj/noise"), Read("obj/pred"));
        JsonElement Entry(string start) => ofSchedule.First(entry => entry.GetProperty("objective").GetString()!.StartsWith(start, StringComparison.Ordinal));
        void Compare(string name, Tensor got) => check.Tensor(name, got, file.Read($"obj/{parts[0]}/{name}"), Tolerance(golden, name.Split('/')[^1].Split('_')[0] == "target" ? "target" : name.Split('/')[^1]));
        DiffusionLoss Loss(DiffusionObjectiveConfig config, Tensor epsilon, Tensor input) =>
            DiffusionObjectives.Loss(config, process, (_, _) => pred.alias(), x0, new DiffusionDraw(levels, epsilon, input));

        if (parts.Length == 3)
        {
            var entry = ofSchedule.Single(item => item.GetProperty("objective").GetString() == parts[1] && item.TryGetProperty("prediction_type", out var kind) && kind.GetString() == parts[2]);
            var config = new DiffusionObjectiveConfig { Prediction = PredictionOf(parts[2]), Weighting = WeightingOf(parts[1]) };
            Compare("noisy", levels.Noisy(x0, noise));
            Compare("snr", levels.Each(x0, level => level.Snr));
            Compare($"target_{parts[2]}", config.Prediction.Of(x0, noise, levels.Alpha(x0), levels.Sigma(x0)));
            Compare($"{parts[1]}/{parts[2]}/weight", DiffusionObjectives.Weights(config, levels, x0));
            var loss = Loss(config, noise, noise);
            Compare($"{parts[1]}/{parts[2]}/per_sample", loss.PerImage);
            check.Scalar("loss", loss.Mean().item<double>(), entry.GetProperty("loss").GetDouble(), Tolerance(golden, "loss"));
            return;
        }
        switch (parts[1].Split('-')[0])
        {
            case "ldm":
            {
                var entry = Entry("ldm");
                var times = levels.Items.Select(level => (int)level.Time).ToList();
                var boundWeights = tensor(times.Select(t => LatentDiffusionLoss.BoundWeightOfEpsilon(process, t)).ToArray(), float64);
                Compare("ldm/lvlb_eps", boundWeights);
                Compare("ldm/lvlb_x0", tensor(times.Select(t => LatentDiffusionLoss.BoundWeightOfSample(process, t)).ToArray(), float64));
                var loss = LatentDiffusionLoss.Loss(Loss(new(), noise, noise).PerImage, Read($"obj/{parts[0]}/ldm/logvar"), boundWeights, entry.GetProperty("elbo_weight").GetDouble());
                check.Scalar("loss", loss.item<double>(), entry.GetProperty("loss").GetDouble(), Tolerance(golden, "loss"));
                break;
            }
            case "offset":
            {
                var entry = Entry("offset");
                var shifted = DiffusionObjectives.WithOffset(noise, Read($"obj/{golden.Name}/draw"), entry.GetProperty("strength").GetDouble());
                Compare("offset/noise", shifted);
                Compare("offset/noisy", levels.Noisy(x0, shifted));
                check.Scalar("loss", Loss(new(), shifted, shifted).Mean().item<double>(), entry.GetProperty("loss").GetDouble(), Tolerance(golden, "loss"));
                break;
            }
            case "perturb":
            {
                var entry = Entry("input perturbation");
                var input = noise + entry.GetProperty("strength").GetDouble() * Read($"obj/{golden.Name}/draw");
                Compare("perturb/noisy", levels.Noisy(x0, input));
                check.Scalar("loss", Loss(new(), noise, input).Mean().item<double>(), entry.GetProperty("loss").GetDouble(), Tolerance(golden, "loss"));
                break;
            }
            case "dream":
            {
                var entry = Entry("DREAM");
                double Get(string key) => entry.GetProperty("model").GetProperty(key).GetDouble();
                Tensor Network(Tensor x, Tensor time) =>
                    Get("A") * (Get("B") * x + (Get("C") * time.to(float64).view(-1, 1, 1, 1) / entry.GetProperty("time_divisor").GetDouble() + Get("D"))).tanh();
                var power = double.Parse(parts[1].Split('-')[1], CultureInfo.InvariantCulture);
                var (x, target) = DiffusionObjectives.Dream(Network, levels.Noisy(x0, noise), levels.Times(), noise, levels, power);
                check.Tensor("noisy", x, file.Read($"obj/{golden.Name}/noisy"), Tolerance(golden, "noisy"));
                check.Tensor("target", target, file.Read($"obj/{golden.Name}/target"), Tolerance(golden, "target"));
                break;
            }
            default: throw new NotImplementedHereException($"the objective {parts[1]}");
        }
    }

    /// <summary>An objective's name with its numbers: <c>min-snr-5</c>, <c>p2 k=1 gamma=0.5</c>, ….</summary>
    private static LossWeighting WeightingOf(string name)
    {
        double[] numbers = [.. Regex.Matches(name, @"(?<=[-= ])\d+(\.\d+)?").Select(match => double.Parse(match.Value, CultureInfo.InvariantCulture))];
        return name switch
        {
            "simple" => new SimpleWeighting(),
            "debiased" => new DebiasedWeighting(),
            "v-like-noise" => new NoiseWeighting(),
            "truncated-snr" => new TruncatedSnrWeighting(),
            _ when name.StartsWith("min-snr", StringComparison.Ordinal) => new MinSnrWeighting { Gamma = numbers[0] },
            _ when name.StartsWith("soft-min-snr", StringComparison.Ordinal) => new SoftMinSnrWeighting { SigmaData = numbers[0] },
            _ when name.StartsWith("p2", StringComparison.Ordinal) => new P2Weighting { K = numbers[0], Gamma = numbers[1] },
            _ => throw new NotImplementedHereException($"the weighting {name}"),
        };
    }

    /// <summary>diffusers' flow training: numbers drawn → a position in the falling list of training times → levels, noisy images, losses.</summary>
    private static void CompareFlow(GoldenCase golden, Checks check)
    {
        using var file = Tensors(golden);
        var entry = Config(golden).EnumerateArray().Single(item => golden.Name.EndsWith(item.GetProperty("name").GetString()!, StringComparison.Ordinal));
        Tensor Read(string name) => file.Read(name).to(float64);
        void Compare(string name, Tensor got) => check.Tensor(name, got, file.Read($"{golden.Name}/{name}"), Tolerance(golden, name));
        double Get(string key) => entry.GetProperty(key).GetDouble();
        var draw = Read($"{golden.Name}/draw");
        var (u, weighting) = entry.GetProperty("scheme").GetString() switch
        {
            "logit_normal" => (new LogitNormalTimes { Mean = Get("logit_mean"), Std = Get("logit_std") }.OfNormal(draw), new SimpleWeighting()),
            "mode" => (new ModeTimes { Scale = Get("mode_scale") }.Quantile(draw), new SimpleWeighting()),
            "none" => (draw, new SimpleWeighting()),
            "sigma_sqrt" => (draw, new InverseSquareWeighting()),
            "cosmap" => (draw, (LossWeighting)new CosMapWeighting()),
            var other => throw new NotImplementedHereException($"the scheme {other}"),
        };
        var process = new RectifiedFlow(Get("shift"));
        var index = (u * process.TrainingSteps).floor();
        var levels = new NoiseLevels([.. index.data<double>().Select(i => process.AtShare((process.TrainingSteps - i) / process.TrainingSteps))]);
        var (x0, noise, pred) = (Read("flow/x0"), Read("flow/noise"), Read("flow/pred"));
        var noisy = levels.Noisy(x0, noise);
        Compare("u", u);
        Compare("index", index);
        Compare("timestep", levels.Times());
        Compare("sigma", levels.Each(x0, level => level.Sigma));
        Compare("noisy", noisy);
        var config = new DiffusionObjectiveConfig { Prediction = Prediction.Flow, Weighting = weighting };
        var weights = DiffusionObjectives.Weights(config, levels, x0);
        Compare("weight", weights);
        var loss = DiffusionObjectives.Loss(config, process, (_, _) => pred.alias(), x0, new DiffusionDraw(levels, noise, noise));
        Compare("per_sample_v", loss.PerImage);
        check.Scalar("loss_v", loss.Mean().item<double>(), Get("loss_v"), Tolerance(golden, "loss_v"));
        var ofSample = weights * (Prediction.Flow.ToX0(pred, noisy, levels.Alpha(x0), levels.Sigma(x0)) - x0).square().flatten(1).mean([1L]);
        Compare("per_sample_x0", ofSample);
        check.Scalar("loss_x0_preconditioned", ofSample.mean().item<double>(), Get("loss_x0_preconditioned"), Tolerance(golden, "loss_x0_preconditioned"));
    }

    private static void CompareFlowWeights(GoldenCase golden, Checks check)
    {
        var root = Config(golden);
        double[] Numbers(string name) => [.. root.GetProperty(name).EnumerateArray().Select(value => value.GetDouble())];
        foreach (var (name, weighting) in new (string, LossWeighting)[] { ("sigma_sqrt", new InverseSquareWeighting()), ("cosmap", new CosMapWeighting()), ("none", new SimpleWeighting()) })
        {
            var got = Numbers("sigma").Select(sigma => weighting.Weight(new RectifiedFlow().AtAmount(sigma), Prediction.Flow));
            check.Tensor(name, tensor(got.ToArray()), tensor(Numbers(name)), Tolerance(golden, name));
        }
    }

    private static void CompareEdm(GoldenCase golden, Checks check)
    {
        using var file = Tensors(golden);
        Tensor Read(string name) => file.Read($"edm/{name}").to(float64);
        void Compare(string name, Tensor got) => check.Tensor(name, got, file.Read($"{golden.Name}/{name}"), Tolerance(golden, name));
        var sigmaData = double.Parse(golden.Name.Split('/')[1], CultureInfo.InvariantCulture);
        var entry = Config(golden).EnumerateArray().Single(item => item.GetProperty("sigma_data").GetDouble() == sigmaData);
        var density = new LogNormalRatios { Mean = entry.GetProperty("P_mean").GetDouble(), Std = entry.GetProperty("P_std").GetDouble() };
        var sigma = density.OfNormal(Read("rnd_normal"));
        var levels = new NoiseLevels([.. sigma.data<double>().Select(value => new VarianceExploding().AtRatio(value))]);
        var (y, n, f) = (Read("y"), Read("n"), Read("F"));
        var x = levels.Noisy(y, n);
        Tensor? input = null, told = null;
        var denoised = DiffusionObjectives.Preconditioned((netInput, time) =>
        {
            (input, told) = (netInput.alias(), time.alias());
            return f.alias();
        }, x, levels, sigmaData);
        var config = DiffusionObjectiveConfig.Edm with { SigmaData = sigmaData, Weighting = new EdmWeighting { SigmaData = sigmaData } };
        var weight = DiffusionObjectives.Weights(config, levels, y);
        Tensor Factor(Func<Preconditioning, double> c) => levels.Over(y, level => c(Preconditioning.Edm(level.Ratio, sigmaData)));
        Tensor PerSample(LossWeighting weighting) =>
            DiffusionObjectives.Loss(config with { Weighting = weighting }, new VarianceExploding(), (_, _) => f.alias(), y, new DiffusionDraw(levels, n, n)).PerImage;
        Compare("sigma", sigma);
        Compare("weight", weight);
        Compare("net_input", input!);
        Compare("c_noise", Factor(c => c.Noise).flatten());
        check.Tensor("c_noise as the network is told it", told!, file.Read($"{golden.Name}/c_noise"), 1e-7);
        Compare("denoised", denoised);
        Compare("target_F", (y - Factor(c => c.Skip) * x) / Factor(c => c.Out));
        var perElement = weight.view(-1, 1, 1, 1) * (denoised - y).square();
        Compare("loss_per_element", perElement);
        Compare("k_karras", PerSample(config.Weighting));
        Compare("k_soft_min_snr", PerSample(new SoftMinSnrWeighting { SigmaData = sigmaData }));
        Compare("k_snr", PerSample(new NoiseWeighting { MaxSnr = double.PositiveInfinity }));
        Compare("k_simple", PerSample(new NoiseWeighting { MaxSnr = double.PositiveInfinity }));
        check.Scalar("loss_mean", perElement.mean().item<double>(), entry.GetProperty("loss_mean").GetDouble(), Tolerance(golden, "loss_mean"));
    }

    private static void CompareBound(GoldenCase golden, Checks check)
    {
        using var file = Tensors(golden);
        Tensor Read(string name) => file.Read($"{golden.Name}/{name}").to(float64);
        void Compare(string name, Tensor got) => check.Tensor(name, got, file.Read($"{golden.Name}/{name}"), Tolerance(golden, name));
        var entry = Config(golden).EnumerateArray().Single(item => golden.Name.EndsWith($"/{item.GetProperty("name").GetString()}", StringComparison.Ordinal));
        var process = ProcessOf(entry.GetProperty("config"));
        var bound = VariationalBound.Of(process, ReverseVariance.LearnedRange);
        int[] steps = [.. file.Read($"{golden.Name}/t").data<long>().Select(t => bound.Steps - 1 - (int)t)];
        var levels = bound.LevelsOf(steps);
        var x0 = Read("pixels") / 127.5 - 1;
        var (noise, pred) = (Read("noise"), Read("pred_eps"));
        var x = levels.Noisy(x0, noise);
        var estimate = Prediction.Epsilon.ToX0(pred, x, levels.Alpha(x0), levels.Sigma(x0));
        var bits = x0[0].numel() * Math.Log(2);
        void CompareAll(string prefix, Tensor estimated)
        {
            var reverse = bound.Reverse(x, estimated, Read("var_output"), steps);
            Compare($"{prefix}mean", reverse.Mean);
            if (prefix.Length == 0) Compare("log_variance", reverse.LogVar);
            Compare($"{prefix}vb_bits_per_dim", bound.Term(x0, x, reverse, steps));
            Compare($"{prefix}kl_bits", bound.Posterior(x, x0, steps).Kl(reverse) / bits);
            Compare($"{prefix}decoder_nll_bits", Probability.Reconstruction.DiscretisedGaussian(reverse.Mean, 0.5 * reverse.LogVar, x0, approximate: true) / bits);
        }
        Compare("x_t", x);
        CompareAll("", estimate);
        CompareAll("clip/", estimate.clamp(-1, 1));
        var loss = DiffusionObjectives.Loss(new() { LearnsVariance = true }, process, (_, _) => cat([pred, Read("var_output")], 1), x0, new DiffusionDraw(levels, noise, noise));
        Compare("mse", loss.SquaredError);
        Compare("hybrid_rescaled", loss.PerImage);
        Compare("prior_bpd", bound.Prior(x0));
    }

    private static void CompareDensities(GoldenCase golden, Checks check)
    {
        var root = Config(golden);
        double[] Numbers(JsonElement list) => [.. list.EnumerateArray().Select(value => value.GetDouble())];
        var u = tensor(Numbers(root.GetProperty("u")), float64);
        foreach (var row in root.GetProperty("rows").EnumerateArray())
        {
            double Get(string key) => row.GetProperty(key).GetDouble();
            TimeDensity density = row.GetProperty("kind").GetString() switch
            {
                "lognormal" => new LogNormalRatios { Mean = (float)Get("loc"), Std = (float)Get("scale") },    // torch.distributions keeps parameters in fp32
                "loglogistic" => new LogLogisticRatios { Mean = Get("loc"), Scale = Get("scale"), MinValue = Get("min_value"), MaxValue = Get("max_value") },
                "loguniform" => new LogUniformRatios { MinValue = Get("min_value"), MaxValue = Get("max_value") },
                "v-diffusion" => new VelocityDiffusionRatios { SigmaData = Get("sigma_data"), MinValue = Get("min_value"), MaxValue = Get("max_value") },
                "cosine-interpolated" => new CosineInterpolatedRatios
                {
                    ImageD = Get("image_d"), NoiseDLow = Get("noise_d_low"), NoiseDHigh = Get("noise_d_high"),
                    SigmaData = Get("sigma_data"), MinValue = Get("min_value"), MaxValue = Get("max_value"),
                },
                var other => throw new NotImplementedHereException($"the density {other}"),
            };
            check.Tensor(row.GetProperty("kind").GetString()!, density.Quantile(u), tensor(Numbers(row.GetProperty("sigma")), float64), Tolerance(golden, "sigma"));
        }
    }

    private static void CompareStratified(GoldenCase golden, Checks check)
    {
        foreach (var row in Config(golden).EnumerateArray())
        {
            Tensor Read(string key) => tensor(row.GetProperty(key).EnumerateArray().Select(value => value.GetDouble()).ToArray(), float64);
            var (group, groups) = (row.GetProperty("group").GetInt32(), row.GetProperty("groups").GetInt32());
            check.Tensor($"worker {group} of {groups}", TimeDensity.Stratified(Read("uniform"), group, groups), Read("value"), Tolerance(golden, "value"));
        }
    }
}
