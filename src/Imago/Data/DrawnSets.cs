using Imago.Data.Faces;

namespace Imago.Data;

/// <summary>The sets that Imago draws itself, as the catalogue opens them.</summary>
internal static class DrawnSets
{
    private const int DefaultFaces = 20_000;
    private const int DefaultSize = 64;

    // Numbers of faces so far apart that no training set reaches those of the other parts.
    private const long FirstValidationFace = 1L << 40, FirstTestFace = 1L << 41;

    internal static IReadOnlyList<DatasetInfo> All { get; } =
    [
        new("faces", "Procedural portraits with known factors and captions, any number at any size (20,000 at 64×64 unless told otherwise): 80 % to train on, 10 % to validate, 10 % to test.", (options, _) => OpenFaces(options, FaceFraming.Portrait)),
        new("faces-close", "The same faces close up, before one background in one light: for small and quickly trained models.", (options, _) => OpenFaces(options, FaceFraming.CloseUp)),
        new("sprites", "737,280 white forms on black, 64×64, by shape, scale, orientation and position, as dSprites has them. Split by content: 80 % to train on, 10 % to validate, 10 % to test.", OpenSprites),
    ];

    private static DatasetSplits OpenFaces(DatasetOptions options, FaceFraming framing)
    {
        var count = options.Count ?? DefaultFaces;
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1, nameof(options));
        FaceDataset Part(int faces, long first) => new(faces, (ulong)options.Seed, options.Size ?? DefaultSize, first, framing);
        var held = count / 10;
        var train = Part(count - 2 * held, 0);
        return new DatasetSplits(train, Part(held, FirstValidationFace), Part(held, FirstTestFace)) { Name = train.Name, Description = All.First(set => set.Name == train.Name).Description };
    }

    private static DatasetSplits OpenSprites(DatasetOptions options, CancellationToken cancellationToken) =>
        DatasetSplits.ByContent("sprites", All.First(set => set.Name == "sprites").Description, new SpriteDataset(), options);
}
