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
        new("faces", "Procedural portraits with known factors and captions, any number at any size (20,000 at 64×64 unless told otherwise): 80 % to train on, 10 % to validate, 10 % to test.", OpenFaces),
        new("sprites", "737,280 white forms on black, 64×64, by shape, scale, orientation and position, as dSprites has them. Split by content: 80 % to train on, 10 % to validate, 10 % to test.", OpenSprites),
    ];

    private static DatasetSplits OpenFaces(DatasetOptions options, CancellationToken cancellationToken)
    {
        var count = options.Count ?? DefaultFaces;
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1, nameof(options));
        FaceDataset Part(int faces, long first) => new(faces, (ulong)options.Seed, options.Size ?? DefaultSize, first);
        var held = count / 10;
        return new DatasetSplits(Part(count - 2 * held, 0), Part(held, FirstValidationFace), Part(held, FirstTestFace)) { Name = "faces", Description = All[0].Description };
    }

    private static DatasetSplits OpenSprites(DatasetOptions options, CancellationToken cancellationToken) =>
        DatasetSplits.ByContent("sprites", All[1].Description, new SpriteDataset(), options);
}
