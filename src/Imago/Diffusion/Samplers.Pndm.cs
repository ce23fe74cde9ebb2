using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>Pseudo numerical methods (Liu et al. 2022): Adams–Bashforth with the coefficients of even steps, each result moved along the exact solution for a constant ε̂.</summary>
public static partial class Samplers
{
    /// <summary>Adams–Bashforth coefficients of even steps, newest first, orders 1 to 4.</summary>
    private static readonly double[][] AdamsBashforth = [[1], [3 / 2.0, -1 / 2.0], [23 / 12.0, -16 / 12.0, 5 / 12.0], [55 / 24.0, -59 / 24.0, 37 / 24.0, -9 / 24.0]];

    /// <summary>PLMS: orders 1 to 4 as results become available, the first step taken twice (Liu et al. 2022, Eq. 12; Rombach et al. 2022's program).</summary>
    public static Sampler Plms() => Pndm(new());

    /// <summary>PNDM: PLMS after three pseudo Runge–Kutta steps of four evaluations (Liu et al. 2022, Eq. 13 and Algorithm 2).</summary>
    public static Sampler Pndm() => Pndm(new() { RungeKuttaSteps = 3 });

    /// <summary>PLMS or PNDM.</summary>
    /// <param name="options">Start, and what is extrapolated.</param>
    public static Sampler Pndm(PndmOptions options) => Method(run =>
    {
        var rungeKutta = Math.Min(options.RungeKuttaSteps, run.Schedule.Steps - 1);
        if (!options.IsRepeated) run.Visit(Repeated(run, rungeKutta));
        var (outputs, start, mixed) = (new History(4), new History(1), new History(1));
        return (x, from, to) =>
        {
            var x0 = run.Denoise(x, from);
            var output = options.Extrapolated.Of(x0, Epsilon(x, x0, from), from.Alpha, from.Sigma);
            var (stage, isFirst) = (run.Index % 4, run.Index == 0);
            if (run.Index < 4 * rungeKutta)
            {
                if (stage == 0) outputs.Add(output, from);
                if (stage == 0) start.Add(x, from);
                mixed.Add(stage == 0 ? output / 6 : mixed[0] + output / (stage == 3 ? 6 : 3), from);
                return Moved(start[0], x0, stage == 3 ? mixed[0] : output, start.LevelOf(0), to);
            }
            if (run.Index == 1 && rungeKutta == 0)
                return Moved(start[0], x0, (output + outputs[0]) / 2, options.SecondStart?.Invoke(from) ?? start.LevelOf(0), to);
            outputs.Add(output, from);
            if (isFirst) start.Add(x, from);
            var weights = AdamsBashforth[outputs.Count - 1];
            return Moved(x, x0, Sum([.. weights.Select((weight, age) => (weight, outputs[age]))]), from, to);
        };

        Tensor Moved(Tensor x, Tensor x0, Tensor output, NoiseLevel from, NoiseLevel to) =>
            from.Alpha == 0 ? Toward(x, x0, from, to) : Along(x, options.Extrapolated.ToEpsilon(output, x, from), from, to);
    });

    /// <summary>Improved PNDM without a special start (Zhang and Chen 2023's iPNDM): Adams–Bashforth coefficients of orders 1 to 4 on ε̂.</summary>
    /// <param name="dropsFirstEstimate">
    /// Whether a step from pure noise goes to σ' ε̂, without α' x̂₀. The published scheduler divides α' (x − σ ε̂) = 0 by a number next to 0 there and loses the estimate.
    /// </param>
    public static Sampler Ipndm(bool dropsFirstEstimate = false) => Method(run =>
    {
        var slopes = new History(4);
        return (x, from, to) =>
        {
            var x0 = run.Denoise(x, from);
            slopes.Add(Epsilon(x, x0, from), from);
            if (from.Alpha == 0) return dropsFirstEstimate ? slopes[0] * to.Sigma : Toward(x, x0, from, to);
            return Along(x, Sum([.. AdamsBashforth[slopes.Count - 1].Select((weight, age) => (weight, slopes[age]))]), from, to);
        };
    });

    /// <summary>The levels of the schedule as the evaluations need them: the second of PLMS twice, those of Runge–Kutta steps and their middles twice.</summary>
    private static IEnumerable<NoiseLevel> Repeated(Run run, int rungeKutta)
    {
        var levels = run.Schedule;
        for (int i = 0; i < levels.Count; i++)
        {
            yield return levels[i];
            if (i > 0 && i <= rungeKutta || (rungeKutta == 0 && i == 1 && levels.Steps > 1)) yield return levels[i];
            if (i >= rungeKutta) continue;
            var middle = run.At(Math.Sqrt(levels[i].Ratio * levels[i + 1].Ratio));
            yield return middle;
            yield return middle;
        }
    }
}
