namespace Imago.Autoencoders;

/// <summary>The shape of a ramp from 0 to 1.</summary>
public enum RampShape
{
    /// <summary>v.</summary>
    Linear,

    /// <summary>1/(1 + exp(6 − 12v)).</summary>
    Sigmoid,

    /// <summary>½ − ½ cos(πv).</summary>
    Cosine,
}

/// <summary>Weights of a loss term as functions of time. Time is counted in any unit, so long as it is the same throughout.</summary>
public static class Annealing
{
    /// <summary>A straight line from <paramref name="from"/> to <paramref name="to"/> over <paramref name="duration"/>, then constant; at once at the end where the duration is 0.</summary>
    public static double Linear(double time, double duration, double from = 0, double to = 1) =>
        duration <= 0 ? to : from + (to - from) * Math.Clamp(time / duration, 0, 1);

    /// <summary>A constant factor a step from <paramref name="from"/> to <paramref name="to"/> over <paramref name="duration"/>, then constant; at once at the end where the duration is 0.</summary>
    public static double Geometric(double time, double duration, double from, double to) => Math.Exp(Linear(time, duration, Math.Log(from), Math.Log(to)));

    /// <summary>M cycles over T, each a ramp over its first part and 1 after it (Fu et al. 2019, Eqs. 6 and 7).</summary>
    /// <param name="time">t in [0, T).</param>
    /// <param name="total">T.</param>
    /// <param name="cycles">M.</param>
    /// <param name="ramp">R, the share of a cycle in which the weight rises, in (0, 1].</param>
    /// <param name="shape">How it rises.</param>
    public static double Cyclical(double time, double total, int cycles, double ramp = 0.5, RampShape shape = RampShape.Linear)
    {
        var period = total / cycles;
        var tau = time % period / period;
        return tau >= ramp ? 1 : Shape(shape, tau / ramp);
    }

    /// <summary>
    /// The same as the authors' code computes it: v is accumulated and its last value tested against 1 in floating point, so that the last point of a ramp may be
    /// missing. For comparison with runs of that code.
    /// </summary>
    /// <returns>The weights at t = 0 … T − 1.</returns>
    /// <inheritdoc cref="Cyclical" path="/param"/>
    public static double[] CyclicalOfPublishedCode(int total, int cycles, double ramp, RampShape shape)
    {
        var weights = new double[total];
        Array.Fill(weights, 1);
        var period = (double)total / cycles;
        for (var cycle = 0; cycle < cycles; cycle++)
        {
            var v = 0.0;
            for (var i = 0; v <= 1 && (int)(i + cycle * period) < total; i++, v += 1 / (period * ramp))
                weights[(int)(i + cycle * period)] = Shape(shape, v);
        }
        return weights;
    }

    private static double Shape(RampShape shape, double v) => shape switch
    {
        RampShape.Sigmoid => 1 / (1 + Math.Exp(-(v * 12 - 6))),
        RampShape.Cosine => 0.5 - 0.5 * Math.Cos(v * Math.PI),
        _ => v,
    };
}
