using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>The levels that the classes visit.</summary>
public sealed partial class HubSampler
{
    private static readonly NoiseLevel Clean = new(1, 0, 0);

    private NoiseSchedule Levels() => config.Kind switch
    {
        SchedulerKind.Ddpm => OfSteps((t, next) => (At(t), next is { } at and >= 0 ? At(at) : Clean)),
        SchedulerKind.Ddim => OfSteps((t, _) => (At(t), Final(t - Distance))),
        SchedulerKind.DdimInverse => OfSteps((t, _) => (Final(t - Distance) with { Time = t }, At(t))),
        SchedulerKind.Pndm => PndmLevels(),
        SchedulerKind.Lcm => OfSteps((t, next) => (At(t), next is { } at ? Final(at) : Clean)),
        SchedulerKind.Tcd => OfSteps((t, next) => (At(t), Final(next ?? 0))),
        SchedulerKind.RePaint => new JumpingSteps(this).Schedule(),
        SchedulerKind.ScoreSdeVe => ScoreLevels(),
        SchedulerKind.Ipndm => IpndmLevels(),
        _ => OfSigmas(),
    };

    /// <summary>⌊T/n⌋.</summary>
    private int Distance => config.NumTrainTimesteps / requested;

    /// <summary>The level of a timestep; −1, which some trailing spacings end with, means the noisiest.</summary>
    private NoiseLevel At(double t)
    {
        var alphaBars = tables!.AlphaBars;
        var alphaBar = alphaBars[(int)t < 0 ? alphaBars.Count + (int)t : (int)t];
        return new(Math.Sqrt(alphaBar), Math.Sqrt(1 - alphaBar), t);
    }

    /// <summary>The level of a timestep, and below 0 the one after the last.</summary>
    private NoiseLevel Final(double t) => t >= 0 ? At(t) : config.SetAlphaToOne ? Clean : At(0);

    private NoiseSchedule OfSteps(Func<double, double?, (NoiseLevel, NoiseLevel)> step) =>
        NoiseSchedule.OfSteps(steps.Timesteps.Select((t, i) => step(t, i + 1 < steps.Timesteps.Count ? steps.Timesteps[i + 1] : null)));

    /// <summary>Whether the class takes two evaluations a step, so that its lists hold the second evaluations too.</summary>
    private bool IsTwice => EvaluationsPerStep(config.Kind) == 2;

    /// <summary>How often a class's lists hold a step: 2 for those that take two evaluations a step and list both.</summary>
    internal static int EvaluationsPerStep(SchedulerKind kind) => kind is SchedulerKind.Heun or SchedulerKind.Kdpm2 or SchedulerKind.Kdpm2Ancestral or SchedulerKind.DpmSolverSde or SchedulerKind.FlowMatchHeun ? 2 : 1;

    private int StepOf(int position) => IsTwice ? position / 2 : position;

    private NoiseSchedule OfSigmas()
    {
        var count = IsTwice ? (steps.Timesteps.Count + 1) / 2 : steps.Timesteps.Count;
        double SigmaOf(int i) => steps.Sigmas[IsTwice && i > 0 ? 2 * i - 1 : i];
        double TimeOf(int i) => i == count ? 0 : steps.Timesteps[IsTwice ? 2 * i : i];
        var middles = config.Kind is SchedulerKind.Kdpm2 or SchedulerKind.Kdpm2Ancestral or SchedulerKind.DpmSolverSde ? Middles(count, SigmaOf) : null;
        return new(Enumerable.Range(0, count + 1).Select(i => Level(SigmaOf(i), TimeOf(i))), middles);
    }

    /// <summary>The level that a class's σ stands for.</summary>
    private NoiseLevel Level(double sigma, double time)
    {
        if (IsTurned) return new(sigma, 1 - sigma, time);
        if (config.HasFlowLevels) return new(1 - sigma, sigma, time);
        if (tables is null) return new(1, sigma, time);
        var alpha = 1 / Math.Sqrt(1 + sigma * sigma);
        return new(alpha, sigma * alpha, time);
    }

    /// <summary>The second evaluations of the classes that take them between two levels, with the timesteps that these tell the network.</summary>
    private ListedLevels Middles(int count, Func<int, double> sigmaOf)
    {
        double SigmaOf(int step) => steps.MiddleSigmas.Count == 0
            ? Math.Sqrt(sigmaOf(step) * sigmaOf(step + 1))
            : steps.MiddleSigmas[config.Kind == SchedulerKind.Kdpm2 ? 2 * step + 1 : 2 * step];
        return new([.. Enumerable.Range(0, count - 1).Select(step => Level(SigmaOf(step), steps.Timesteps[2 * step + 1]))]);
    }

    private NoiseSchedule PndmLevels() => NoiseSchedule.OfSteps(steps.Timesteps.Select((t, i) =>
    {
        var evaluation = i - arguments.Begin;
        if (!config.SkipPrkSteps && evaluation < RungeKuttaEvaluations) return (At(t), Final(evaluation % 2 == 0 ? t - Distance / 2 : t));
        return (At(t), Final(evaluation == 1 && config.SkipPrkSteps ? t : t - Distance));
    }));

    /// <summary>What the predictor removes is the difference of a table's entries, next to the level's own σ².</summary>
    private NoiseSchedule ScoreLevels()
    {
        var count = steps.Timesteps.Count;
        using var scope = NewDisposeScope();
        var table = linspace(Math.Log(config.SigmaMin!.Value), Math.Log(config.SigmaMax!.Value), count, float32).exp().to(float64).data<double>().ToArray();
        return NoiseSchedule.OfSteps(steps.Timesteps.Select((t, i) =>
        {
            var (sigma, entry) = (steps.Sigmas[i], (int)Math.Floor((float)(t * (count - 1))));
            var removed = table[entry] * table[entry] - (entry > 0 ? table[entry - 1] * table[entry - 1] : 0);
            return (new NoiseLevel(1, sigma, sigma), new NoiseLevel(1, Math.Sqrt(Math.Max(0, sigma * sigma - removed)), 0));
        }));
    }

    private NoiseSchedule IpndmLevels() => new(Ramps.Linear(1, 0, steps.Timesteps.Count + 1).Select((u, i) =>
    {
        var sigma = Math.Pow(Math.Sin(Math.PI / 2 * u), 2);
        return new NoiseLevel(Math.Sqrt(1 - sigma * sigma), sigma, i < steps.Timesteps.Count ? steps.Timesteps[i] : 0);
    }));

    /// <summary>RePaint's way down and up again.</summary>
    private sealed class JumpingSteps(HubSampler hub)
    {
        public NoiseSchedule Schedule()
        {
            var last = hub.steps.Timesteps[0] + 1;
            return NoiseSchedule.OfSteps(hub.steps.Timesteps.SelectMany(t =>
            {
                var way = t < last ? [(hub.At(t), hub.Final(t - hub.Distance))] : Enumerable.Range((int)last, hub.Distance).Select(Noising);
                last = t;
                return way;
            }));
        }

        /// <summary>One step of the process, x' = √(1 − β) x + √β z: only β counts, so it is written as one from a clean level.</summary>
        private (NoiseLevel, NoiseLevel) Noising(int t)
        {
            var beta = hub.tables!.Betas[t];
            return (Clean, new(Math.Sqrt(1 - beta), Math.Sqrt(beta), t));
        }
    }

    /// <summary>A process of which only some levels are known, by which they are called.</summary>
    private sealed record ListedLevels(IReadOnlyList<NoiseLevel> Known) : NoiseProcess
    {
        public override double NoisiestTime => Known.Max(level => level.Time);

        public override double CleanestTime => Known.Min(level => level.Time);

        public override NoiseLevel At(double time) => Known.MinBy(level => Math.Abs(level.Time - time));

        public override NoiseLevel AtRatio(double ratio) => Known.MinBy(level => Math.Abs(Math.Log(level.Ratio / ratio)));
    }
}
