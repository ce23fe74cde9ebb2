namespace Imago.Diffusion;

/// <summary>What the members of the DPM-Solver family differ in.</summary>
public sealed record DpmSolverOptions
{
    /// <summary>1, 2 or 3.</summary>
    public int Order { get; init => field = value is >= 1 and <= 3 ? value : throw new ArgumentOutOfRangeException(nameof(Order), value, "DPM-Solver has orders 1 to 3."); } = 2;

    /// <summary>False: x̂₀ is integrated (DPM-Solver++). True: ε̂ is (DPM-Solver).</summary>
    public bool OfNoise { get; init; }

    /// <summary>0 for the probability-flow ODE, 1 for the reverse SDE.</summary>
    public double Eta { get; init; }

    /// <summary>How the first difference enters.</summary>
    public SecondOrderRule Rule { get; init; }

    /// <summary>Whether the last step is of first order and the last but one at most of second: steadier with few steps.</summary>
    public bool LowersOrderAtEnd { get; init; }

    /// <summary>Whether the last step is of first order.</summary>
    public bool FirstOrderAtEnd { get; init; }

    /// <summary>
    /// Third order as in the published programs rather than in theory: the multistep rule takes half of the second derivative's term, and for the SDE α' D₂ is subtracted
    /// from it (in diffusers). Both rules are then of second order. For the same pictures as the originals.
    /// </summary>
    public bool ReleasedCurvature { get; init; }

    /// <summary>The order that a step may have.</summary>
    internal int OrderOf(int step, int steps) => (steps - step) switch
    {
        1 when FirstOrderAtEnd || LowersOrderAtEnd => 1,
        2 when LowersOrderAtEnd => Math.Min(2, Order),
        _ => Order,
    };

    /// <summary>The orders of the steps of a singlestep solver: groups 1, 2, … <paramref name="order"/>, and what is left over as smaller groups (Lu et al. 2022a, section 3.4).</summary>
    /// <param name="steps">How many steps.</param>
    /// <param name="order">1, 2 or 3.</param>
    /// <param name="smallGroupAtEnd">Whether the last group is cut even where the steps divide evenly, so that the last step is of first order.</param>
    public static IReadOnlyList<int> SinglestepOrders(int steps, int order, bool smallGroupAtEnd = true)
    {
        var orders = Enumerable.Range(0, steps).Select(step => step % order + 1).ToArray();
        if (smallGroupAtEnd && steps > 0 && steps % order == 0) orders[^1] = 1;
        return orders;
    }
}
