using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>The loop that every method shares: order of steps, lifetime of tensors, cancellation and observation.</summary>
public static partial class Samplers
{
    /// <summary>One step of a method: the sample at <paramref name="to"/>, from the sample at <paramref name="from"/>.</summary>
    private delegate Tensor Step(Tensor x, NoiseLevel from, NoiseLevel to);

    /// <summary>Makes a sampler of a method.</summary>
    /// <param name="begin">Starts a run: gives its step, which keeps what it remembers in locals.</param>
    private static Sampler Method(Func<Run, Step> begin) => (denoise, start, schedule, context) =>
    {
        using var noGrad = no_grad();
        using var lifetime = NewDisposeScope();
        var run = new Run(denoise, schedule, context);
        var (step, x, from) = (begin(run), start.alias(), run.Schedule[0]);
        for (int reported = 0; run.Index < run.Schedule.Steps;)
        {
            var to = run.Schedule.To(run.Index);
            run.Reached = to;
            var next = Scoped(() => step(x, from, to));
            x.Dispose();
            x = next;
            var (arrived, reached) = (run.Reached == to, run.Reached);
            if (arrived) run.Index++;
            var moved = arrived || reached != from;
            from = arrived ? run.Schedule[run.Index] : reached;
            if (moved && context.AfterStep is { } after) x = Replaced(x, after(reported++, reached, x));
        }
        return x.MoveToOuterDisposeScope();
    };

    private static Tensor Scoped(Func<Tensor> step)
    {
        using var scope = NewDisposeScope();
        return step().MoveToOuterDisposeScope();
    }

    private static Tensor Replaced(Tensor old, Tensor wanted)
    {
        if (!ReferenceEquals(old, wanted)) old.Dispose();
        return wanted;
    }

    /// <summary>What a step may use of the run that it belongs to.</summary>
    private sealed class Run(Denoiser denoise, NoiseSchedule schedule, SamplingContext context)
    {
        /// <summary>The levels that are visited: those asked for, unless the method plans others between the same ends.</summary>
        public NoiseSchedule Schedule { get; private set; } = schedule;

        /// <summary>Number of the current step: it leaves level <c>Schedule[Index]</c> (an adaptive method takes several to the next level).</summary>
        public int Index { get; set; }

        /// <summary>Where the step arrives; a step that stops before its aim says so here.</summary>
        public NoiseLevel Reached { get; set; }

        /// <summary>The estimate of x₀.</summary>
        public Tensor Denoise(Tensor x, NoiseLevel level)
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            return denoise(x, level);
        }

        /// <summary>Unit normal numbers of the sample's shape.</summary>
        public Tensor Noise(NoiseLevel from, NoiseLevel to) => context.Noise is { } noise
            ? noise(from, to)
            : throw new ArgumentException($"This sampler is stochastic, but the context has no noise; set {nameof(SamplingContext)}.{nameof(SamplingContext.Noise)}, for example to {nameof(NoiseSources)}.{nameof(NoiseSources.Independent)}(…).");

        /// <summary>Visits these levels instead of the schedule's.</summary>
        public void Visit(IEnumerable<NoiseLevel> levels) => Schedule = new NoiseSchedule(levels, Schedule.Process);

        /// <summary>The level of the process with this σ/α.</summary>
        public NoiseLevel At(double ratio) => Schedule.AtRatio(ratio);
    }

    /// <summary>The last results of a multistep method, newest first.</summary>
    private sealed class History(int length)
    {
        private readonly List<(Tensor Value, NoiseLevel Level)> entries = [];

        /// <summary>How many are kept.</summary>
        public int Count => entries.Count;

        /// <summary>The result of <paramref name="age"/> additions ago; of the first one, if there were not as many.</summary>
        public Tensor this[int age] => entries[Math.Min(age, entries.Count - 1)].Value;

        /// <summary>The level that it was computed at.</summary>
        public NoiseLevel LevelOf(int age) => entries[age].Level;

        /// <summary>λ − λ' from one addition to the next: the length of the step that lies <paramref name="age"/> steps back.</summary>
        public double StepBack(int age) => LevelOf(age - 1).Lambda - LevelOf(age).Lambda;

        /// <summary>Keeps a result of the current step; the oldest is given up.</summary>
        public void Add(Tensor value, NoiseLevel level)
        {
            entries.Insert(0, (value.alias().MoveToOuterDisposeScope(), level));
            if (entries.Count <= length) return;
            entries[^1].Value.Dispose();
            entries.RemoveAt(length);
        }
    }

    /// <summary>Σ factor · tensor, in the type of the first tensor; terms with a factor of 0 are not touched.</summary>
    private static Tensor Sum(params ReadOnlySpan<(double Factor, Tensor Value)> terms)
    {
        Tensor? sum = null;
        foreach (var (factor, value) in terms)
        {
            if (factor != 0) sum = sum is null ? value * factor : sum.add_(value, alpha: factor);
        }
        return sum ?? zeros_like(terms[0].Value);
    }
}
