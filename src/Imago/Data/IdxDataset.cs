using Imago.Images;
using TorchSharp;

namespace Imago.Data;

/// <summary>Grey images of one size from a pair of IDX files, as MNIST and its successors are published.</summary>
public sealed class IdxDataset : ImageDataset
{
    private const string TrainImages = "train-images-idx3-ubyte", TrainLabels = "train-labels-idx1-ubyte", TestImages = "t10k-images-idx3-ubyte", TestLabels = "t10k-labels-idx1-ubyte";

    private readonly byte[] _pixels;
    private readonly byte[] _labels;
    private readonly int _width;
    private readonly int _height;

    /// <summary>Opens images [N, H, W] and labels [N], both uint8.</summary>
    /// <exception cref="DataException">A file is damaged, or the two do not belong together.</exception>
    public IdxDataset(string name, string imagesPath, string labelsPath, IReadOnlyList<string> classNames)
    {
        ArgumentNullException.ThrowIfNull(classNames);
        var (images, labels) = (IdxFile.Read(imagesPath), IdxFile.Read(labelsPath));
        if (images.Type != torch.ScalarType.Byte || images.Shape.Count != 3)
            throw new DataException($"{imagesPath}: holds {images.Type} [{string.Join(", ", images.Shape)}], expected images: bytes [N, H, W].");
        if (labels.Type != torch.ScalarType.Byte || labels.Shape.Count != 1 || labels.Shape[0] != images.Shape[0])
            throw new DataException($"{labelsPath}: holds {labels.Type} [{string.Join(", ", labels.Shape)}], expected a byte for each of the {images.Shape[0]} images in {imagesPath}.");
        if (images.Shape[0] > 0) ImageFormatLimits.CheckSize(images.Shape[2], images.Shape[1], imagesPath);
        if (labels.Elements.Any(label => label >= classNames.Count))
            throw new DataException($"{labelsPath}: holds label {labels.Elements.Max()}, but there are {classNames.Count} classes.");
        (Name, ClassNames, _pixels, _labels) = (name, classNames, images.Elements, labels.Elements);
        (Count, _height, _width) = ((int)Math.Min(images.Shape[0], int.MaxValue), (int)images.Shape[1], (int)images.Shape[2]);
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override int Count { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames { get; }

    /// <summary>MNIST (LeCun, Cortes and Burges 1998) and Fashion-MNIST (Xiao, Rasul and Vollgraf 2017).</summary>
    internal static IReadOnlyList<DatasetInfo> Published { get; } =
    [
        Publish("mnist", "70,000 handwritten digits, 28×28 grey, 10 classes. Official test split of 10,000; a tenth of the training images, chosen by content, for validation.",
            ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
            ["https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"],
            [(TrainImages, 9912422, "f68b3c2dcbeaaa9fbdd348bbdeb94873"), (TrainLabels, 28881, "d53e105ee54ea40749a09fcbcd1e9432"),
             (TestImages, 1648877, "9fb629c4189551a2d022fa330f9573f3"), (TestLabels, 4542, "ec29112dd5afa0611ce80d1b7f02629c")]),
        Publish("fashion-mnist", "70,000 pieces of clothing, 28×28 grey, 10 classes. Official test split of 10,000; a tenth of the training images, chosen by content, for validation.",
            ["t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"],
            ["http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"],
            [(TrainImages, 26421880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d"), (TrainLabels, 29515, "25c81989df183df01b3e8a0aad5dffbe"),
             (TestImages, 4422102, "bef4ecab320f06d8554ea6380940ec79"), (TestLabels, 5148, "bb300cfdad3c16e7a12a480ee83cd310")]),
    ];

    /// <inheritdoc/>
    public override ImageItem Get(int index)
    {
        var size = _width * _height;
        return new ImageItem { Image = new PixelImage(_width, _height, 1, _pixels.AsSpan(Checked(index) * size, size).ToArray()), Label = _labels[index] };
    }

    /// <inheritdoc/>
    public override UInt128 ContentKey(int index) => ContentHash.Of(_pixels.AsSpan(Checked(index) * _width * _height, _width * _height));

    private static DatasetInfo Publish(string name, string description, string[] classes, string[] hosts, (string Name, long Bytes, string Md5)[] files) =>
        new(name, description, (options, cancellationToken) =>
        {
            var published = new PublishedFiles(name, [.. files.Select(file => new PublishedFile($"{file.Name}.gz", [.. hosts.Select(host => new Uri($"{host}{file.Name}.gz"))], $"md5:{file.Md5}", file.Bytes))]);
            string Find(string file) => published.Find($"{file}.gz", options, cancellationToken);
            var train = new IdxDataset(name, Find(TrainImages), Find(TrainLabels), classes);
            var test = new IdxDataset(name, Find(TestImages), Find(TestLabels), classes);
            return DatasetSplits.WithTest(name, description, train, test, options);
        });
}
