namespace Imago.Data;

/// <summary>Some examples that are used together. Whoever took it from an <see cref="IBatches{TBatch}"/> disposes it.</summary>
public interface IBatch : IDisposable
{
    /// <summary>Number of examples.</summary>
    int Count { get; }
}

/// <summary>Batches of a data set, epoch after epoch. Batch k of epoch e is always the same, whatever was asked before: that is what makes a run resumable.</summary>
/// <typeparam name="TBatch">What one batch is.</typeparam>
public interface IBatches<out TBatch>
    where TBatch : IBatch
{
    /// <summary>Number of batches that <see cref="Epoch"/> gives.</summary>
    int BatchesPerEpoch { get; }

    /// <summary>The batches of one epoch.</summary>
    /// <param name="epoch">Number of the epoch, from 0.</param>
    /// <param name="firstBatch">Batches at the start that are left out, to go on in the middle of an epoch.</param>
    /// <param name="cancellationToken">Stops loading.</param>
    IEnumerable<TBatch> Epoch(int epoch, int firstBatch = 0, CancellationToken cancellationToken = default);
}
