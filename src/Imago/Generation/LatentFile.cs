using System.Text;
using Imago.Data;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation;

/// <summary>
/// The latents of a data set on disk, as two safetensors files: the moments of q(z|x) (<c>mean</c> and <c>log_var</c>, fp16 [N, C, h, w], with the suffix <c>_flipped</c>
/// also those of the mirrored pictures) and, written last, what is known of each picture. Moments are mapped: they take the memory of the pages in use.
/// </summary>
internal sealed class LatentFile : IDisposable
{
    internal const string MomentsName = "moments.safetensors", ItemsName = "items.safetensors", FlippedSuffix = "_flipped";
    private readonly Dictionary<string, Tensor> _moments = [];
    private readonly Tensor _labels, _attributes;
    private readonly string?[] _captions;
    private readonly long[] _imageShape;

    private LatentFile(string folder)
    {
        using var scope = NewDisposeScope();
        using var moments = Safetensors.Open(Path.Combine(folder, MomentsName));
        using var items = Safetensors.Open(Path.Combine(folder, ItemsName));
        foreach (var info in moments.Tensors) _moments[info.Name] = moments.Read(info.Name).DetachFromDisposeScope();
        _labels = items.Read("labels").clone().DetachFromDisposeScope();
        _attributes = items.Read("attributes").clone().DetachFromDisposeScope();
        _captions = Captions(items.Read("captions"), items.Read("caption_lengths"));
        Rows = [.. items.Read("rows").data<long>().ToArray().Select(row => (int)row)];
        _imageShape = items.Read("image_shape").data<long>().ToArray();
        Scale = new LatentScale(Numbers("mean"), Numbers("deviation"));

        double[] Numbers(string name) => items.Read(name).data<double>().ToArray();
    }

    /// <summary>The pictures that could be encoded, as numbers in the data set.</summary>
    internal int[] Rows { get; }

    /// <summary>Mean and deviation of each channel over all latents.</summary>
    internal LatentScale Scale { get; }

    /// <summary>Opens what <see cref="LatentWriter"/> wrote; <see langword="null"/> if it never ended.</summary>
    internal static LatentFile? TryOpen(string folder) => File.Exists(Path.Combine(folder, ItemsName)) ? new LatentFile(folder) : null;

    /// <summary>Some pictures as examples.</summary>
    /// <param name="rows">Numbers of the pictures in the data set.</param>
    /// <param name="mirrored">Which of them are mirrored left to right.</param>
    /// <param name="scale">What brings latents to mean 0 and variance 1.</param>
    internal ExampleBatch Read(int[] rows, bool[] mirrored, LatentScale scale)
    {
        using var scope = NewDisposeScope();
        var index = tensor(rows.Select(row => (long)row).ToArray());
        var mean = scale.Normalise(Gather("mean", index, mirrored));
        var deviation = _moments.ContainsKey("log_var") ? scale.NormaliseDeviation((0.5 * Gather("log_var", index, mirrored)).exp()) : null;
        var shape = zeros([1, 1, 1, 1], dtype: uint8).expand([rows.Length, .. _imageShape]);
        return new ExampleBatch(mean, deviation, new ImageBatch(shape, Some(_labels), Some(_attributes), rows, [.. rows.Select(row => _captions[row])]));

        Tensor? Some(Tensor known) => known.numel() == 0 ? null : known.index_select(0, index);
    }

    public void Dispose()
    {
        foreach (var tensor in _moments.Values) tensor.Dispose();
        _labels.Dispose();
        _attributes.Dispose();
    }

    private Tensor Gather(string name, Tensor index, bool[] mirrored)
    {
        var straight = _moments[name].index_select(0, index).to(float32);
        if (!mirrored.Contains(true)) return straight;
        var flipped = _moments[name + FlippedSuffix].index_select(0, index).to(float32);
        return where(tensor(mirrored).view(-1, 1, 1, 1), flipped, straight);
    }

    private static string?[] Captions(Tensor bytes, Tensor lengths)
    {
        var (text, at) = (bytes.data<byte>().ToArray(), 0);
        return [.. lengths.data<long>().ToArray().Select(Next)];

        string? Next(long length)
        {
            if (length < 0) return null;
            var caption = Encoding.UTF8.GetString(text, at, (int)length);
            at += (int)length;
            return caption;
        }
    }
}
