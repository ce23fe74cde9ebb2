using Imago.Data;
using Imago.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Metrics;

/// <summary>The pictures of a set in batches of one size each, in the set's order, decoded ahead on other threads.</summary>
internal sealed class SamplePictures : IDisposable
{
    private readonly ImageDataset _set;
    private readonly int _channels;
    private readonly SampleOptions _options;
    private readonly CancellationTokenSource _stop;
    private readonly Queue<Task<object>> _ahead = [];
    private readonly List<SkippedImage> _skipped = [];
    private PixelImage? _kept;
    private int _asked;

    internal SamplePictures(ImageDataset set, int channels, SampleOptions options, CancellationToken cancellationToken)
    {
        (_set, _channels, _options) = (set, channels, options);
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
    }

    /// <summary>Pictures that were given out or left out.</summary>
    internal int Done { get; private set; }

    internal IReadOnlyList<SkippedImage> Skipped => _skipped;

    /// <summary>The next pictures of one size, uint8 [B, C, H, W], at most a batch; null at the end. The caller owns it.</summary>
    internal Tensor? Next()
    {
        var batch = new List<PixelImage>();
        while (batch.Count < _options.BatchSize && (_kept ?? Read()) is { } picture)
        {
            _kept = null;
            if (batch.Count > 0 && (picture.Width != batch[0].Width || picture.Height != batch[0].Height))
            {
                _kept = picture;
                break;
            }
            batch.Add(picture);
        }
        if (batch.Count == 0) return null;
        Done = _asked - _ahead.Count - (_kept is null ? 0 : 1);
        var (first, size) = (batch[0], batch[0].Width * batch[0].Height * _channels);
        var bytes = empty(batch.Count, _channels, first.Height, first.Width, dtype: uint8).DetachFromDisposeScope();
        for (var i = 0; i < batch.Count; i++) Pictures.ToPlanes(batch[i], Pictures.MemoryOf(bytes).Slice(i * size, size));
        return bytes;
    }

    public void Dispose()
    {
        _stop.Cancel();
        Task.WhenAll(_ahead).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default).Wait(CancellationToken.None);
        _stop.Dispose();
    }

    /// <summary>The next picture that can be read.</summary>
    private PixelImage? Read()
    {
        while (true)
        {
            var limit = Math.Max(2 * Environment.ProcessorCount, Math.Min(_options.BatchSize, 256));
            for (; _ahead.Count < limit && _asked < _set.Count; _asked++)
            {
                var index = _asked;
                _ahead.Enqueue(Task.Run(() => Decode(index), _stop.Token));
            }
            if (!_ahead.TryDequeue(out var task)) return null;
            switch (task.WaitAsync(_stop.Token).GetAwaiter().GetResult())
            {
                case PixelImage picture: return picture;
                case SkippedImage skipped: _skipped.Add(skipped); break;
            }
        }
    }

    /// <summary>A picture with the channels that the network looks at, alpha dropped as the reference implementations do; or why it cannot be read.</summary>
    private object Decode(int index)
    {
        try
        {
            var picture = _set.Get(index).Image;
            if (picture.Channels == _channels) return picture;
            return _channels == 1 ? ColourConversion.ToGrey(picture) : ColourConversion.ToColour(picture, AlphaMode.Drop);
        }
        catch (DataException e) when (!_options.Strict)
        {
            return new SkippedImage(index, _set.Describe(index), e.Message);
        }
    }
}
