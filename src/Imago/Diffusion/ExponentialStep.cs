namespace Imago.Diffusion;

/// <summary>
/// One step of an exponential integrator in λ = ln(α/σ), h = λ' − λ, for the ODE (τ = 0) or the reverse SDE with τ² times its noise (Xue et al. 2023, Eqs. 9 and 14).
/// Of x̂₀: x' = σ'/σ e^{−τ²h} x + α' c ∫ e^{−c(λ'−l)} x̂₀(l) dl + σ' √(1 − e^{−2τ²h}) z. Of ε̂: x' = α'/α x − σ' c ∫ e^{λ'−l} ε̂(l) dl + τ σ' √(e^{2h} − 1) z. c = 1 + τ².
/// </summary>
internal readonly struct ExponentialStep
{
    private readonly double scale;
    private readonly double rate;
    private readonly double constant;

    /// <param name="from">Where the step starts.</param>
    /// <param name="to">Where it ends.</param>
    /// <param name="ofNoise">Whether ε̂ is integrated rather than x̂₀.</param>
    /// <param name="share">τ²: 0 for the ODE, 1 for the reverse SDE.</param>
    public ExponentialStep(NoiseLevel from, NoiseLevel to, bool ofNoise, double share)
    {
        (H, Signal) = (to.Lambda - from.Lambda, to.Alpha);
        if (ofNoise)
        {
            var tau2 = to.IsClean ? 0 : share;
            (Keep, scale, rate) = (to.Alpha / from.Alpha, (1 + tau2) * to.Sigma, -H);
            constant = (1 + tau2) * (to.Sigma - to.Alpha / from.Alpha * from.Sigma);
            Noise = tau2 == 0 ? 0 : to.Sigma * Math.Sqrt(tau2 * Exponentials.Expm1(2 * H));
        }
        else
        {
            var extra = share == 0 ? 0 : share * H;
            (Keep, scale, rate) = (to.Sigma / from.Sigma * Math.Exp(-extra), to.Alpha, H + extra);
            constant = -to.Alpha * Exponentials.Expm1(-rate);
            Noise = to.Sigma * Math.Sqrt(-Exponentials.Expm1(-2 * extra));
        }
    }

    /// <summary>h.</summary>
    public double H { get; }

    /// <summary>α'.</summary>
    public double Signal { get; }

    /// <summary>The factor of x.</summary>
    public double Keep { get; }

    /// <summary>The standard deviation of the fresh noise.</summary>
    public double Noise { get; }

    /// <summary>The integral of uⁿ, u = (l − λ)/h running from 0 to 1: the weight of uⁿ in a polynomial estimate.</summary>
    public double Weight(int n) => n == 0 ? constant : scale * rate * Factorial(n) * Exponentials.Phi(n + 1, -rate);

    /// <summary>The integral of u if the estimate did not count for more at the end of the step than at its start: h²/2 in place of the exact one.</summary>
    public double FlatWeight => scale * rate / 2;

    /// <summary>The weights of estimates at given u, whose interpolation polynomial is integrated.</summary>
    public double[] Weights(double[] nodes) => Weights(nodes, Weight(1));

    /// <summary>As <see cref="Weights(double[])"/>, with another weight of u.</summary>
    public double[] Weights(double[] nodes, double linear)
    {
        var weights = new double[nodes.Length];
        for (int j = 0; j < nodes.Length; j++)
            foreach (var (n, coefficient) in Lagrange.Basis(nodes, j).Index()) weights[j] += coefficient * (n == 1 ? linear : Weight(n));
        return weights;
    }

    /// <summary>u of a level, for a step that starts at <paramref name="from"/>.</summary>
    public double Node(NoiseLevel level, NoiseLevel from) => (level.Lambda - from.Lambda) / H;

    private static double Factorial(int n) => n <= 1 ? 1 : n * Factorial(n - 1);
}
