namespace Imago.Training;

/// <summary>The steps of a training that is part of another piece of work.</summary>
/// <param name="progress">Who is told of that work; <see langword="null"/> for nobody.</param>
/// <param name="stage">What the training is called.</param>
internal sealed class StepsAsWork(IProgress<WorkProgress>? progress, string stage) : IProgress<TrainingProgress>
{
    public void Report(TrainingProgress value) => progress?.Report(new WorkProgress(value.Step, value.TotalSteps, stage));
}
