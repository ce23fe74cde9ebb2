using System.Collections.Concurrent;
using TorchSharp;

namespace Imago.Generation;

/// <summary>
/// Draws pictures for callers that wait with <c>await</c>: one thread of its own for one model on one device, which takes requests in the order in which they come. A request can be
/// cancelled while it waits and at any step; the worker then goes on with the next.
/// </summary>
/// <example><code>
/// await using var worker = await GenerationWorker.LoadAsync("runs/faces");
/// var pictures = await worker.GenerateAsync(new GenerationRequest { Pictures = PictureWish.Many(new Condition { Caption = "a smiling man" }, 4) });
/// </code></example>
public sealed class GenerationWorker : IAsyncDisposable
{
    private readonly BlockingCollection<Action> _jobs = [];
    private readonly CancellationTokenSource _closing = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly DiffusionModel _model;

    /// <summary>Takes over a model: nobody else may use it from now on, and it is disposed with the worker.</summary>
    /// <param name="model">The model, on its device.</param>
    public GenerationWorker(DiffusionModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        _model = model;
        new Thread(Work) { IsBackground = true, Name = $"Imago on {model.Device}" }.Start();
    }

    /// <summary>Requests that wait, without the one that is being drawn.</summary>
    public int Waiting => _jobs.Count;

    /// <summary>Loads a model away from the calling thread.</summary>
    /// <param name="path">As <see cref="DiffusionFiles.Load(string)"/> takes it.</param>
    /// <param name="device">Where to compute; <see langword="null"/> for the CPU.</param>
    /// <param name="cancellationToken">Given up when it is cancelled before the model is there.</param>
    /// <exception cref="CheckpointException">There is no model, or it is damaged.</exception>
    public static async Task<GenerationWorker> LoadAsync(string path, torch.Device? device = null, CancellationToken cancellationToken = default)
    {
        var model = await Task.Run(() => DiffusionFiles.Load(path).To(device ?? torch.CPU), cancellationToken).ConfigureAwait(false);
        return new GenerationWorker(model);
    }

    /// <summary>Draws what is asked for, after all that was asked for before.</summary>
    /// <param name="request">What, and how.</param>
    /// <param name="progress">Told after every step, on the worker's thread unless it is a <see cref="Progress{T}"/> made on another.</param>
    /// <param name="cancellationToken">Stops it, whether it waits or is being drawn.</param>
    /// <returns>The pictures, in the order of the wishes.</returns>
    /// <exception cref="ArgumentException">The model cannot be asked for that.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled, or the worker was disposed.</exception>
    /// <exception cref="ObjectDisposedException">The worker had been disposed before.</exception>
    public async Task<IReadOnlyList<GeneratedPicture>> GenerateAsync(GenerationRequest request, IProgress<WorkProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        ObjectDisposedException.ThrowIf(_closing.IsCancellationRequested, this);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _closing.Token);
        var result = new TaskCompletionSource<IReadOnlyList<GeneratedPicture>>(TaskCreationOptions.RunContinuationsAsynchronously);
        var (token, isTaken) = (stop.Token, 0);

        // Whoever comes first, worker or cancellation, takes the request.
        using var registration = token.Register(() =>
        {
            if (Interlocked.Exchange(ref isTaken, 1) == 0) result.TrySetCanceled(token);
        });
        Add(() =>
        {
            if (Interlocked.Exchange(ref isTaken, 1) == 0) Complete(result, () => ImageGenerator.Generate(_model, request, progress, token));
        });
        return await result.Task.ConfigureAwait(false);
    }

    /// <summary>Cancels what waits and what is being drawn, waits for the step at hand, and disposes the model.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_closing.IsCancellationRequested) return;
        await _closing.CancelAsync().ConfigureAwait(false);
        _jobs.CompleteAdding();
        await _ended.Task.ConfigureAwait(false);
        _jobs.Dispose();
        _closing.Dispose();
    }

    private static void Complete<T>(TaskCompletionSource<T> result, Func<T> work)
    {
        try
        {
            result.TrySetResult(work());
        }
        catch (OperationCanceledException e)
        {
            result.TrySetCanceled(e.CancellationToken);
        }
        catch (Exception e)                                       // belongs to whoever asked; the worker goes on
        {
            result.TrySetException(e);
        }
    }

    private void Add(Action job)
    {
        try
        {
            _jobs.Add(job, CancellationToken.None);
        }
        catch (InvalidOperationException e)
        {
            throw new ObjectDisposedException(nameof(GenerationWorker), e);
        }
    }

    private void Work()
    {
        foreach (var job in _jobs.GetConsumingEnumerable()) job();
        _model.Dispose();
        _ended.SetResult();
    }
}
