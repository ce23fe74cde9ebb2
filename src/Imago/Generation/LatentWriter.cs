using System.Text;
using Imago.Autoencoders;
using Imago.Data;
using Imago.Images;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation;

/// <summary>Encodes a data set into the files of <see cref="LatentFile"/>, with one batch in memory at a time.</summary>
internal sealed class LatentWriter
{
    // AutoencoderKL's own clamp; fp16 holds it.
    private const double LowestLogVar = -30, HighestLogVar = 20;
    private readonly Autoencoder _autoencoder;
    private readonly Device _device;
    private readonly ImageLoader _loader;
    private readonly long[] _shape;
    private readonly int _count, _attributeCount;
    private readonly bool _withFlips, _hasClasses;
    private readonly List<int> _rows = [];
    private readonly long[] _labels;
    private readonly float[] _attributes;
    private readonly string?[] _captions;
    private readonly double[] _sums, _squares;
    private long _values;

    internal LatentWriter(Autoencoder autoencoder, ImageDataset dataset, LoaderOptions options, bool withFlips, Device device)
    {
        (_autoencoder, _withFlips, _device, _count) = (autoencoder, withFlips, device, dataset.Count);
        _loader = new ImageLoader(dataset, options with { Shuffle = false, DropLast = false, Flip = false, CacheBytes = 0 });
        _shape = LatentCodec.ShapeOf(autoencoder, _loader.Height, _loader.Width);
        (_hasClasses, _attributeCount) = (dataset.ClassNames.Count > 0, dataset.Attributes.Count);
        _labels = new long[_hasClasses ? _count : 0];
        Array.Fill(_labels, -1);
        _attributes = new float[_count * _attributeCount];
        _captions = new string?[_count];
        (_sums, _squares) = (new double[_shape[0]], new double[_shape[0]]);
    }

    /// <summary>Writes both files, that of the items last: it is there only when all is.</summary>
    internal void Write(string folder, IProgress<WorkProgress>? progress, CancellationToken cancellation)
    {
        Directory.CreateDirectory(folder);
        AtomicFile.Write(Path.Combine(folder, LatentFile.MomentsName), stream => WriteMoments(stream, progress, cancellation));
        WriteItems(Path.Combine(folder, LatentFile.ItemsName));
    }

    private void WriteMoments(Stream stream, IProgress<WorkProgress>? progress, CancellationToken cancellation)
    {
        using var noGrad = no_grad();
        string[] names = [.. Moments().SelectMany(name => _withFlips ? new[] { name, name + LatentFile.FlippedSuffix } : [name])];
        var start = WriteHeader(stream, names);
        foreach (var batch in _loader.Epoch(0, cancellationToken: cancellation))
        {
            using (batch)
            using (NewDisposeScope())
            {
                var pixels = batch.ToFloat(PixelRange.MinusOneToOne, _device);
                Put("", pixels, batch.Indices);
                if (_withFlips) Put(LatentFile.FlippedSuffix, pixels.flip(3), batch.Indices);
                Note(batch);
                progress?.Report(new WorkProgress(_rows.Count, _count, "latents"));
            }
        }

        void Put(string suffix, Tensor pixels, IReadOnlyList<int> indices)
        {
            var posterior = LatentCodec.Posterior(_autoencoder, pixels);
            Add(posterior.Mean, _autoencoder.IsVariational ? posterior.LogVar.clamp(LowestLogVar, HighestLogVar) : null);
            PutRows($"mean{suffix}", posterior.Mean, indices);
            if (_autoencoder.IsVariational) PutRows($"log_var{suffix}", posterior.LogVar.clamp(LowestLogVar, HighestLogVar), indices);
        }

        void PutRows(string name, Tensor values, IReadOnlyList<int> indices)
        {
            var rows = values.to(float16).cpu();
            var bytes = rows[0].numel() * rows.element_size();
            for (var i = 0; i < indices.Count; i++)
            {
                stream.Position = start + (Array.IndexOf(names, name) * (long)_count + indices[i]) * bytes;
                SafetensorsWriter.WriteElements(stream, rows[i]);
            }
        }
    }

    private IEnumerable<string> Moments() => _autoencoder.IsVariational ? ["mean", "log_var"] : ["mean"];

    /// <summary>Header and room for all rows; gives the place of the first.</summary>
    private long WriteHeader(Stream stream, string[] names)
    {
        using var scope = NewDisposeScope();
        var like = empty([_count, .. _shape], dtype: float16, device: META);
        var header = SafetensorsWriter.Header(names.Select(name => (name, like.shape, ElementType.Float16)), null);
        stream.Write(BitConverter.GetBytes((ulong)header.Length));
        stream.Write(header);
        stream.SetLength(stream.Position + names.Length * like.numel() * ElementType.Float16.Bytes);
        return stream.Position;
    }

    /// <summary>Sums for mean and variance of each channel: Var z = Var E[z|x] + E Var[z|x].</summary>
    private void Add(Tensor mean, Tensor? logVar)
    {
        double[] Sums(Tensor values) => values.to(float64).sum([0L, 2L, 3L]).cpu().data<double>().ToArray();
        var (sums, squares) = (Sums(mean), Sums(logVar is null ? mean.square() : mean.square() + logVar.exp()));
        for (var c = 0; c < sums.Length; c++) (_sums[c], _squares[c]) = (_sums[c] + sums[c], _squares[c] + squares[c]);
        _values += mean.numel() / mean.shape[1];
    }

    private void Note(ImageBatch batch)
    {
        var (labels, attributes) = (batch.Labels?.data<long>().ToArray(), batch.Attributes?.data<float>().ToArray());
        for (var i = 0; i < batch.Count; i++)
        {
            var row = batch.Indices[i];
            _rows.Add(row);
            _captions[row] = batch.Captions[i];
            if (labels is not null) _labels[row] = labels[i];
            attributes?.AsSpan(i * _attributeCount, _attributeCount).CopyTo(_attributes.AsSpan(row * _attributeCount));
        }
    }

    private void WriteItems(string path)
    {
        using var scope = NewDisposeScope();
        double[] means = [.. _sums.Select(sum => sum / _values)];
        double[] deviations = [.. _squares.Select((square, c) => Math.Sqrt(Math.Max(square / _values - means[c] * means[c], 0)))];
        byte[][] captions = [.. _captions.Select(caption => caption is null ? [] : Encoding.UTF8.GetBytes(caption))];
        Safetensors.Write(path, new Dictionary<string, Tensor>
        {
            ["rows"] = tensor(_rows.Select(row => (long)row).ToArray()),
            ["labels"] = tensor(_labels),
            ["attributes"] = tensor(_attributes).view(_attributeCount == 0 ? 0 : _count, _attributeCount),
            ["captions"] = tensor(captions.SelectMany(caption => caption).ToArray()),
            ["caption_lengths"] = tensor(captions.Select((caption, row) => _captions[row] is null ? -1L : caption.Length).ToArray()),
            ["image_shape"] = tensor(new long[] { _loader.Channels, _loader.Height, _loader.Width }),
            ["mean"] = tensor(means),
            // A channel that never changes would be divided by 0: it keeps its scale.
            ["deviation"] = tensor(deviations.Select(deviation => deviation > 1e-8 ? deviation : 1).ToArray()),
        });
    }
}
