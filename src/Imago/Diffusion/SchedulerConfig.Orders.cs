namespace Imago.Diffusion;

public sealed partial record SchedulerConfig
{
    /// <summary>Whether the singlestep solver lowers the order of its last steps: what is set, and always where the steps do not divide into groups or the last σ is 0.</summary>
    /// <param name="steps">How many steps.</param>
    public bool LowersOrderAtEnd(int steps) => LowerOrderFinal || steps % SolverOrder != 0 || FinalSigmasType == FinalSigma.Zero;

    /// <summary>The order of each step of the singlestep solver: groups 1, 2, … p, the last group cut so that it ends with a lower order.</summary>
    /// <param name="steps">How many steps.</param>
    public IReadOnlyList<int> SinglestepOrders(int steps)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        int[] orders = [.. DpmSolverOptions.SinglestepOrders(steps, SolverOrder, LowersOrderAtEnd(steps))];
        if (FinalSigmasType == FinalSigma.Zero) orders[^1] = 1;
        return orders;
    }
}
