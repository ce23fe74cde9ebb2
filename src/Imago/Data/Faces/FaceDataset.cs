namespace Imago.Data.Faces;

/// <summary>
/// Procedural portraits: any number at any size, with their factors and a caption. Item i is face number <c>firstIndex + i</c> of the
/// seed, so sets with disjoint ranges of numbers (training, validation, test) share no face.
/// </summary>
public sealed class FaceDataset : ImageDataset
{
    private readonly int _size;
    private readonly ulong _seed;
    private readonly long _firstIndex;

    /// <summary>Chooses the faces; nothing is drawn yet.</summary>
    /// <param name="count">Number of faces.</param>
    /// <param name="seed">Chooses a world of faces.</param>
    /// <param name="size">Width and height in pixels, <see cref="FacePainter.MinimumSize"/> to <see cref="FacePainter.MaximumSize"/>.</param>
    /// <param name="firstIndex">Number of the first face.</param>
    /// <exception cref="ArgumentOutOfRangeException">The count or the first index is negative, or the size is not drawn.</exception>
    public FaceDataset(int count, ulong seed = 0, int size = 64, long firstIndex = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfLessThan(size, FacePainter.MinimumSize);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, FacePainter.MaximumSize);
        ArgumentOutOfRangeException.ThrowIfNegative(firstIndex);
        Count = count;
        _seed = seed;
        _size = size;
        _firstIndex = firstIndex;
    }

    /// <inheritdoc/>
    public override string Name => "faces";

    /// <inheritdoc/>
    public override int Count { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<ImageAttribute> Attributes { get; } = [.. FaceAttributes.All.Select(a => a.Attribute)];

    /// <summary>The factors of item <paramref name="index"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="index"/> is not in [0, Count).</exception>
    public FaceFactors Factors(int index) => FaceFactors.Draw(_seed, Number(index));

    /// <inheritdoc/>
    public override ImageItem Get(int index)
    {
        FaceFactors factors = Factors(index);
        return new ImageItem
        {
            Image = FacePainter.Paint(factors, _size),
            Attributes = [.. FaceAttributes.All.Select(a => a.Get(factors))],
            Caption = FaceCaptions.Describe(factors, _seed, Number(index)),
        };
    }

    /// <inheritdoc/>
    public override string Describe(int index) => $"face {Number(index)} of seed {_seed}";

    /// <summary>Follows from the seed, the face's number and the size: nothing need be drawn, since no two faces are alike.</summary>
    public override UInt128 ContentKey(int index) => ((UInt128)_seed << 64) | ((UInt128)(uint)_size << 48) ^ (UInt128)Number(index);

    private long Number(int index) => _firstIndex + Checked(index);
}
