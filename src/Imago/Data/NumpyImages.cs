using Imago.Images;
using Imago.Weights;
using TorchSharp;

namespace Imago.Data;

/// <summary>A batch of pictures as guided-diffusion saves its samples: an <c>.npz</c> (or <c>.npy</c>) with <c>arr_0</c> uint8 [N, H, W, 3], and labels <c>arr_1</c> int64 [N] or none.</summary>
public sealed class NumpyImages : ImageDataset, IDisposable
{
    private readonly torch.Tensor _pixels;
    private readonly long[]? _labels;
    private readonly Lock _reading = new();

    /// <summary>Reads a batch; where the file is not compressed, its pixels stay on disk.</summary>
    /// <exception cref="DataException">It holds no pictures of this kind.</exception>
    /// <exception cref="CheckpointException">It is no NumPy file, or a damaged one.</exception>
    public NumpyImages(string path)
    {
        using var file = NumpyFile.Open(path);
        var pixels = file.IsArchive ? file.Tensors.FirstOrDefault(tensor => tensor.Name == "arr_0") : file.Tensors[0];
        if (pixels is not { DataType: "U8", Shape: [> 0 and <= int.MaxValue, > 0, > 0, 1 or 3] })
            throw new DataException($"{path}: holds {(file.Tensors.Count == 0 ? "nothing" : string.Join(", ", file.Tensors.Select(tensor => $"{tensor.Name} {tensor.DataType} [{string.Join(", ", tensor.Shape)}]")))}; pictures are arr_0 U8 [N, H, W, 3].");
        ImageFormatLimits.CheckSize((int)Math.Min(int.MaxValue, pixels.Shape[2]), (int)Math.Min(int.MaxValue, pixels.Shape[1]), path);
        _pixels = file.Read(pixels.Name).DetachFromDisposeScope();
        if (file.IsArchive && file.Tensors.FirstOrDefault(tensor => tensor.Name == "arr_1") is { DataType: "I64", Shape: [var count] } && count == pixels.Shape[0])
        {
            using var labels = file.Read("arr_1");
            _labels = labels.data<long>().ToArray();
        }
        (Name, Count) = (Path.GetFileNameWithoutExtension(path), (int)pixels.Shape[0]);
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override int Count { get; }

    /// <inheritdoc/>
    public override ImageItem Get(int index)
    {
        Checked(index);
        lock (_reading)
        {
            using var scope = torch.NewDisposeScope();
            var picture = _pixels[index].contiguous();
            var image = new PixelImage((int)picture.shape[1], (int)picture.shape[0], (int)picture.shape[2], picture.data<byte>().ToArray());
            return new ImageItem { Image = image, Label = _labels is null ? null : (int)_labels[index] };
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _pixels.Dispose();
}
