using System.Globalization;
using System.Text.Json;
using Imago.Autoencoders;
using Imago.Data;
using Imago.Exploration;
using Imago.Images;
using Imago.Models;
using Imago.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Cli.Exploring;

/// <summary>The model, the pictures and the files of one exploring command.</summary>
internal sealed class Explorer : IDisposable
{
    private readonly CommandContext _context;
    private readonly DisposeScope _scope;
    private readonly List<string> _written = [];
    private readonly DatasetSplits? _data;
    private readonly ImageDataset? _files;

    /// <summary>Loads the model, and looks at the first picture to learn the size.</summary>
    /// <param name="context">The command line.</param>
    /// <param name="usesData">Whether a data set is opened: that of <c>--data</c>, or else the one that the model was trained on here.</param>
    internal Explorer(CommandContext context, bool usesData = true)
    {
        _context = context;
        Seed = context.Get(ExploreOptions.Seed);
        var path = HubModelOptions.Locate(context, context.Get(ExploreOptions.Model)!);
        Model = AutoencoderFiles.Load(path);
        if (Model.Config is TinyConfig { NumDecoderBlocks.Count: 0 })
            throw new CheckpointException($"{path} is an encoder alone; to make pictures of latents its decoder must lie beside it, named like it with 'decoder' for 'encoder'.");
        Model.to(context.Device);
        var own = DataOfRun(path);
        var size = context.Get(ExploreOptions.Size) ?? own?.Size;
        _files = context.Get(ExploreOptions.Images) is { Length: > 0 } names ? FromFiles(names) : null;
        _data = !usesData ? null
            : context.Get(ExploreOptions.Data) is { } name ? Datasets.Open(name, new DatasetOptions { Folder = context.Get(ExploreOptions.DataFolder), Size = size ?? OwnSize(), Seed = Seed }, context.Cancellation)
            : own?.Open(allowDownload: false, context.Cancellation);
        var (height, width) = size is { } side ? (side, side) : SizeFor(_files ?? _data?.Train);
        Space = new LatentSpace(Model, height, width);
        _scope = NewDisposeScope();             // last: had anything thrown before, nobody would close it and the thread would keep every later tensor
    }

    internal Autoencoder Model { get; }

    /// <summary>The model as the user named it, for the next command line.</summary>
    internal string Name => _context.Get(ExploreOptions.Model)!;

    internal LatentSpace Space { get; }

    internal long Seed { get; }

    /// <summary>Whether image files were named.</summary>
    internal bool HasFiles => _files is not null;

    internal bool HasData => _data is not null;

    /// <summary>Files written so far.</summary>
    internal IReadOnlyList<string> Written => _written;

    /// <summary>A generator of this command's random numbers.</summary>
    internal Generator Random(int stream) => new((ulong)Seed + ((ulong)stream << 32));

    /// <summary>Examples to learn from: some of the training part.</summary>
    internal ImageDataset Examples(int count) => Some(Required().Train, count);

    /// <summary>The pictures that were named, or else some that the model has not seen: of the test part of the data set.</summary>
    /// <param name="count">How many of the data set.</param>
    internal ImageDataset Pictures(int count)
    {
        if (_files is not null) return _files;
        var data = Required();
        return Some(data.Test.Count > 0 ? data.Test : data.Train, count);
    }

    /// <summary>Encodes examples under a progress bar, and says which could not be read.</summary>
    internal LatentCodes Encode(ImageDataset dataset)
    {
        var codes = _context.Track($"Encoding {dataset.Name}", sink => Space.Encode(dataset, sink, _context.Cancellation));
        foreach (var image in codes.Skipped.Take(3)) _context.Warn($"{image.Name} was skipped: {image.Reason}");
        if (codes.Skipped.Count > 3) _context.Warn($"{codes.Skipped.Count} pictures were skipped in all.");
        return codes;
    }

    /// <summary>Decodes under a progress bar.</summary>
    internal Tensor Decode(Tensor z) => _context.Track("Decoding", sink => Space.Decode(z, sink, _context.Cancellation));

    /// <summary>The enlargement at which pictures are drawn, so that small ones can be seen.</summary>
    internal int Scale => (int)Math.Clamp(Math.Round(128.0 / Space.Width), 1, 4);

    /// <summary>Pictures of a batch in [0, 1].</summary>
    internal static IReadOnlyList<PixelImage> ToPictures(Tensor images) => Images.Pictures.FromBatch(images, PixelRange.ZeroToOne);

    /// <summary>Writes the picture of the command.</summary>
    /// <param name="picture">What to write.</param>
    /// <param name="suffix">Put before the file's extension, for a second picture.</param>
    internal void Write(PixelImage picture, string suffix = "")
    {
        var path = Path.ChangeExtension(OutputPath, null) + suffix + Path.GetExtension(OutputPath);
        ImageFile.Write(path, picture);
        _written.Add(path);
    }

    /// <summary>Writes the animation of the command, forwards and back again.</summary>
    internal void WriteAnimation(IReadOnlyList<PixelImage> frames, double framesPerSecond)
    {
        var path = Path.ChangeExtension(OutputPath, ".gif");
        GifFile.Write(path, [.. frames, .. frames.Reverse().Skip(1).SkipLast(1)], framesPerSecond);
        _written.Add(path);
    }

    /// <summary>The last lines: what was written and what to try next; or the JSON document.</summary>
    internal void Finish(object document, params string[] next)
    {
        if (_context.IsJson) _context.WriteJson(document);
        _context.Say($"Wrote {string.Join(" and ", _written)}.");
        if (next.Length > 0) _context.Hint($"Next: {string.Join("\n      ", next)}");
    }

    /// <summary>A number for a label: two digits after the point, a true minus sign.</summary>
    internal static string Text(double number, string format = "0.00") =>
        (Math.Round(number, 2) == 0 ? 0 : number).ToString(format, CultureInfo.InvariantCulture).Replace('-', '−');

    public void Dispose()
    {
        _scope.Dispose();
        Model.Dispose();
    }

    private string OutputPath => _context.Get(ExploreOptions.Out) ?? $"{_context.CommandName}.png";

    private DatasetSplits Required() => _data ?? throw new ArgumentException("Pictures are needed: name a data set with --data, such as --data faces or --data FOLDER.");

    private SubsetDataset Some(ImageDataset set, int count)
    {
        var order = Enumerable.Range(0, set.Count).ToArray();
        new Random(unchecked((int)Seed)).Shuffle(order);
        return new SubsetDataset(set, [.. order.Take(count)]);
    }

    /// <summary>The data of a run of Imago; null where the model is something else.</summary>
    private static RunDataConfig? DataOfRun(string path)
    {
        if (!Directory.Exists(path) || !RunFolder.Exists(path)) return null;
        var run = RunFolder.Open(path);
        using var config = JsonDocument.Parse(File.ReadAllText(run.ConfigFile), new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
        return config.RootElement.TryGetProperty("kind", out _) ? run.ReadConfig<AutoencoderRunConfig>().Data : null;
    }

    private static MemoryDataset FromFiles(IReadOnlyList<string> names)
    {
        foreach (var name in names)
        {
            if (!File.Exists(name)) throw new DataException($"There is no image file {name}{(Directory.Exists(name) ? "; it is a folder: use --data for it" : "")}.");
        }
        return new MemoryDataset("images", [.. names.Select(name => new ImageItem { Image = ImageFile.Read(name) })]);
    }

    /// <summary>The side of a network that takes one size only.</summary>
    private int? OwnSize()
    {
        var (height, width) = Model.ImageSize;
        return height == width && !Accepts(height + 1, width + 1) && !Accepts(2 * height, 2 * width) ? height : null;
    }

    /// <summary>The pictures' own size where the network takes it, else the largest square in them that it takes, else its own.</summary>
    private (int Height, int Width) SizeFor(ImageDataset? pictures)
    {
        if (pictures is not { Count: > 0 }) return Model.ImageSize;
        var first = pictures.Get(0).Image;
        if (Accepts(first.Height, first.Width)) return (first.Height, first.Width);
        var shorter = Math.Min(first.Height, first.Width);
        for (int side = shorter; side > Math.Max(0, shorter - 128); side--)
        {
            if (Accepts(side, side)) return (side, side);
        }
        return Model.ImageSize;
    }

    private bool Accepts(int height, int width)
    {
        try
        {
            return Model.LatentShape(height, width).Length > 0;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }
}
