using System.Text.Json;
using Imago.Diffusion;
using Imago.Generation;
using Imago.Generation.Pipelines;
using Imago.Images;
using Imago.Models;
using Imago.Probability;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

internal sealed partial class PipelinesSet
{
    /// <summary>One run of a case, watched.</summary>
    private sealed class PipelineRun : IDisposable
    {
        private readonly GoldenCase golden;
        private readonly TensorFile file;
        private readonly DiffusionModel model;
        private readonly WatchedNetwork network;
        private readonly PipelineCall call;
        private readonly GenerationRequest request;
        private readonly GenerationPlan plan;
        private readonly List<(Tensor X, Tensor Clean, NoiseLevel Level)> evaluations = [];
        private readonly Dictionary<string, Func<Tensor?>> outputs;
        private readonly Func<string, Tensor?>? others;
        private NoiseLevel reached;
        private Tensor? drawn;

        /// <summary>A run.</summary>
        /// <param name="golden">The case.</param>
        /// <param name="adapted">The model with what is put on it, and further quantities by name.</param>
        internal PipelineRun(GoldenCase golden, Func<DiffusionModel, Func<string, Tensor?>>? adapted = null)
        {
            this.golden = golden;
            file = golden.Open(golden.Entry.GetProperty("file").GetString()!);
            var loaded = StableDiffusion.Load(PartsOf(golden));
            others = adapted?.Invoke(loaded);
            network = new WatchedNetwork(loaded.Network);
            model = new DiffusionModel(loaded.Config, network, loaded.Encoder, loaded.Codec);
            call = new PipelineCall(golden, file);
            request = call.Request(model) with
            {
                Noise = _ => new StoredNoise(file, () => evaluations.Count - 1),
                Around = Watched,
                OnStep = step => reached = step.Level,
            };
            plan = GenerationPlan.Of(model, request);
            outputs = Outputs();
        }

        private PromptConditioner Encoder => (PromptConditioner)model.Encoder;

        private bool IsGuided => plan.Guidance.Rule is { IsNone: false };

        public void Dispose()
        {
            model.Dispose();
            file.Dispose();
        }

        internal void Compare(Checks check)
        {
            drawn = ImageGenerator.GenerateLatents(model, request);
            foreach (var output in golden.Entry.GetProperty("tolerance").EnumerateObject())
            {
                var got = outputs.TryGetValue(output.Name, out var compute) ? compute() : others is not null ? others(output.Name) : throw new NotImplementedHereException($"Imago does not compare {output.Name}");
                if (got is null) continue;
                if (got.dtype == uint8) CompareBytes(check, output.Name, got, Stored(output.Name));
                else check.Tensor(output.Name, got, Stored(output.Name), output.Value.GetDouble());
            }
        }

        /// <summary>Bytes are rounded from numbers that agree to a tolerance: one in a thousand may lie at a half and be rounded the other way.</summary>
        private static void CompareBytes(Checks check, string name, Tensor got, Tensor want)
        {
            var difference = (got.to(float32) - want.to(float32)).abs();
            check.True(name, difference.max().item<float>() <= 1 && difference.gt(0).to(float32).mean().item<float>() <= 1e-3, $"{difference.gt(0).sum().item<long>()} bytes differ, by up to {difference.max().item<float>()}");
        }

        /// <summary>What Imago has for each quantity; null where the quantity does not occur in Imago's own form.</summary>
        private Dictionary<string, Func<Tensor?>> Outputs()
        {
            var (said, unsaid) = (Told(negative: false), Told(negative: true));
            var steps = model.Scheduler!.StepsFor(new SchedulerRequest { Steps = request.Timesteps is null ? request.Steps : null, Timesteps = request.Timesteps });
            var entries = new Dictionary<string, Func<Tensor?>>
            {
                ["out.prompt_embeds"] = () => said().Tokens, ["out.negative_prompt_embeds"] = () => unsaid().Tokens,
                ["out.pooled_prompt_embeds"] = () => said().Pooled, ["out.negative_pooled_prompt_embeds"] = () => unsaid().Pooled,
                ["out.time_ids"] = () => cat([.. IsGuided ? (Tensor[])[unsaid().Sizes!] : [], said().Sizes!, .. request.Perturbations.Where(perturbation => perturbation.PerturbedLayers is not null).Select(_ => said().Sizes!)]),
                ["out.timestep_cond"] = () => network.Calls[0].Condition.GuidanceEmbedding,
                ["out.net_input_first"] = () => FirstRows(seen => seen.Input), ["out.net_output_first"] = () => FirstRows(seen => seen.Output),
                ["out.noise_pred_first"] = () => AnswerOf(evaluations[0]), ["out.noise_pred_last"] = () => AnswerOf(evaluations[^1]),
                ["out.latents_steps"] = LatentsSteps, ["out.timesteps"] = () => tensor(evaluations.Select(entry => entry.Level.Time).ToArray()),
                ["out.scheduler_timesteps"] = () => tensor(steps.Timesteps.ToArray()), ["out.scheduler_sigmas"] = () => tensor(steps.Sigmas.ToArray()),
                ["out.init_noise_sigma"] = () => tensor([steps.InitNoiseSigma]), ["out.latent"] = () => Scaled(drawn!, reached),
                ["out.image"] = () => (model.Codec.Decode(drawn!) / 2 + 0.5).clamp(0, 1),
                ["out.image_u8"] = () => stack(PicturesOf().Select(picture => Pictures.ToBytes(picture.Image).permute(1, 2, 0))),
                ["out.preprocessed_image"] = () => Prepared().Pixels, ["out.preprocessed_mask"] = () => Prepared().Mask,
                ["out.vae_moments0"] = () => Moments(0), ["out.vae_moments1"] = () => Moments(1),
                ["out.mask_latents"] = () => ForBranches(PictureFitting.Nearest(Prepared().Mask!, Shape[1], Shape[2])),
                ["out.masked_image_latents"] = MaskedLatents,
            };
            foreach (var (number, suffix) in new[] { (1, ""), (2, "_2"), (3, "_3") })
            {
                entries["out.prompt_ids" + suffix] = () => Ids(number, condition => condition);
                entries["out.negative_ids" + suffix] = () => Ids(number, condition => condition.Negative!);
            }
            return entries;
        }

        /// <summary>Drawn again, unwatched.</summary>
        private IReadOnlyList<GeneratedPicture> PicturesOf()
        {
            var evaluation = -1;
            return ImageGenerator.Generate(model, request with
            {
                OnStep = null, Noise = _ => new StoredNoise(file, () => evaluation),
                Around = denoise => (x, level) =>
                {
                    evaluation++;
                    return denoise(x, level);
                },
            });
        }

        private long[] Shape => model.Codec.Shape(plan.Size.Height, plan.Size.Width);

        private PreparedStart Prepared() => new(request.Start!, plan.Size);

        private Func<Conditioning> Told(bool negative) => () => model.Encoder.Encode(
            [.. request.Pictures.Select(wish => model.Encoder.Complete(negative ? wish.Condition.Negative! : wish.Condition, plan.Size.Height, plan.Size.Width, negative))]);

        /// <summary>A row for each prompt.</summary>
        private Tensor Ids(int number, Func<Condition, Condition> side)
        {
            var conditions = request.Pictures.Select(wish => wish.Condition).Distinct().Select(side).ToList();
            return tensor(conditions.SelectMany(condition => Encoder.Tokens(condition)[ComponentNames.TextEncoderOf(number)]).SelectMany(row => row).ToArray()).view(conditions.Count, -1);
        }

        /// <summary>The network's rows in the first evaluation in diffusers' order: unconditional, prompt, perturbed. Imago's are prompt, unconditional; then, in calls of their own, perturbed ones.</summary>
        private Tensor FirstRows(Func<WatchedNetwork.Call, Tensor> of)
        {
            var calls = network.Calls.Take(network.CallsOfFirst).Select(of).ToList();
            return IsGuided ? cat([.. calls[0].chunk(2).Reverse(), .. calls.Skip(1)]) : cat([.. calls]);
        }

        /// <summary>What the network said, guided, from the estimate of x₀; latent consistency models bound it first, and nothing is left to compare.</summary>
        private Tensor? AnswerOf((Tensor X, Tensor Clean, NoiseLevel Level) entry)
        {
            if (model.Scheduler!.Kind == SchedulerKind.Lcm || (model.Scheduler.ClipSample && model.Scheduler.Kind != SchedulerKind.Ddim)) return null;
            var ((x, x0, level), prediction) = (entry, model.Scheduler.Prediction);
            return prediction switch
            {
                Prediction.Epsilon => (x - level.Alpha * x0) / level.Sigma,
                Prediction.Velocity => (level.Alpha * x - x0) / level.Sigma,
                Prediction.Flow => (x - x0) / level.Sigma,
                _ => x0,
            };
        }

        private Tensor LatentsSteps() => stack([.. evaluations.Skip(1).Select(entry => Scaled(entry.X, entry.Level)), Scaled(drawn!, reached)]);

        /// <summary>As diffusers keeps it: x/α under some schedulers.</summary>
        private Tensor Scaled(Tensor x, NoiseLevel level) => model.Scheduler!.IsExploding ? x / level.Alpha : x;

        private Tensor? Moments(int number)
        {
            var (prepared, codec) = (Prepared(), (LatentCodec)model.Codec);
            if (request.Start is { Latents: not null }) return null;
            var isLeft = number == 1 || FirstIsLeft;
            var posterior = LatentCodec.Posterior(codec.Autoencoder, isLeft ? prepared.Pixels * prepared.Mask!.lt(0.5).to(float32) : prepared.Pixels);
            return cat([posterior.Mean, posterior.LogVar], 1);
        }

        /// <summary>Whether the only picture that is encoded is the one without what is drawn anew: under a network made for inpainting, from pure noise.</summary>
        private bool FirstIsLeft => call.IsInpainting && !golden.Entry.GetProperty("tolerance").TryGetProperty("out.vae_moments1", out _);

        private Tensor MaskedLatents()
        {
            var (prepared, codec) = (Prepared(), (LatentCodec)model.Codec);
            var noise = file.Read(FirstIsLeft ? "noise.posterior0" : "noise.posterior1");
            return ForBranches(codec.Sample(prepared.Pixels * prepared.Mask!.lt(0.5).to(float32), noise));
        }

        private Tensor ForBranches(Tensor one) => one.repeat(request.Pictures.Count / one.shape[0] * (IsGuided ? 2 : 1), 1, 1, 1);

        private Denoiser Watched(Denoiser denoise) => (x, level) =>
        {
            evaluations.Add((x.clone().DetachFromDisposeScope(), x.clone().DetachFromDisposeScope(), level));
            var clean = denoise(x, level);
            evaluations[^1] = evaluations[^1] with { Clean = clean.clone().DetachFromDisposeScope() };
            if (network.CallsOfFirst == 0) network.CallsOfFirst = network.Calls.Count;
            return clean;
        };

        private Tensor Stored(string name)
        {
            if (golden.Entry.TryGetProperty("same_as", out var same) && same.TryGetProperty(name, out var other))
            {
                var (owner, key) = other.GetString()!.Split(':', 2) is [var first, var second] ? (first, second) : throw new FormatException($"{other} names no tensor of another case.");
                var entry = PythonJson.Read(golden.PathOf("manifest.json")).GetProperty("cases").EnumerateArray().First(candidate => candidate.GetProperty("name").GetString() == owner);
                using var elsewhere = golden.Open(entry.GetProperty("file").GetString()!);
                return elsewhere.Read(key);
            }
            return file.Read(name);
        }
    }

    /// <summary>The random numbers of a case.</summary>
    private sealed class StoredNoise(TensorFile file, Func<int> evaluation) : RunNoise
    {
        private int posteriors;

        public override Tensor Initial(long[] shape) => file.Read(file.Contains("in.latents") ? "in.latents" : "noise.init");

        public override Tensor Posterior(long[] shape) => file.Read($"noise.posterior{posteriors++}");

        public override NoiseSource Steps(Tensor like) => (_, _) => file.Read($"noise.step{evaluation()}").to(like.dtype);
    }

    /// <summary>A network whose calls are kept.</summary>
    private sealed class WatchedNetwork(DenoisingNetwork inner) : DenoisingNetwork(nameof(WatchedNetwork))
    {
        private readonly DenoisingNetwork network = inner;

        internal List<Call> Calls { get; } = [];

        /// <summary>How many of them belong to the first evaluation.</summary>
        internal int CallsOfFirst { get; set; }

        public override DenoiserConfig Config => network.Config;

        public override Tensor forward(Tensor x, Tensor time, Conditioning condition)
        {
            var output = network.forward(x, time, condition);
            if (CallsOfFirst == 0) Calls.Add(new(x.clone().DetachFromDisposeScope(), output.clone().DetachFromDisposeScope(), condition with { GuidanceEmbedding = condition.GuidanceEmbedding?.clone().DetachFromDisposeScope() }));
            return output;
        }

        internal sealed record Call(Tensor Input, Tensor Output, Conditioning Condition);
    }
}
