using Imago.Images;

namespace Imago.Data.Faces;

/// <summary>How the faces of a <see cref="FaceDataset"/> are photographed.</summary>
public enum FaceFraming
{
    /// <summary>Head and shoulders; every factor varies.</summary>
    Portrait,

    /// <summary>
    /// Close up, for small and quickly trained models: the middle 64/82 of the portrait, and what is not the face stays the same
    /// (background, clothing, light), while the head turns half as far.
    /// </summary>
    CloseUp,
}

/// <summary>
/// Procedural portraits: any number at any size, with their factors and a caption. Item i is face number <c>firstIndex + i</c> of the
/// seed, so sets with disjoint ranges of numbers (training, validation, test) share no face.
/// </summary>
public sealed class FaceDataset : ImageDataset
{
    private readonly int _size;
    private readonly ulong _seed;
    private readonly long _firstIndex;
    private readonly FaceFraming _framing;

    /// <summary>Chooses the faces; nothing is drawn yet.</summary>
    /// <param name="count">Number of faces.</param>
    /// <param name="seed">Chooses a world of faces.</param>
    /// <param name="size">Width and height in pixels, <see cref="FacePainter.MinimumSize"/> to <see cref="FacePainter.MaximumSize"/>.</param>
    /// <param name="firstIndex">Number of the first face.</param>
    /// <param name="framing">How they are photographed.</param>
    /// <exception cref="ArgumentOutOfRangeException">The count or the first index is negative, or the size is not drawn.</exception>
    public FaceDataset(int count, ulong seed = 0, int size = 64, long firstIndex = 0, FaceFraming framing = FaceFraming.Portrait)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfLessThan(size, FacePainter.MinimumSize);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, FacePainter.MaximumSize);
        ArgumentOutOfRangeException.ThrowIfNegative(firstIndex);
        Count = count;
        _seed = seed;
        _size = size;
        _firstIndex = firstIndex;
        _framing = framing;
    }

    /// <inheritdoc/>
    public override string Name => _framing == FaceFraming.Portrait ? "faces" : "faces-close";

    /// <inheritdoc/>
    public override int Count { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<ImageAttribute> Attributes { get; } = [.. FaceAttributes.All.Select(a => a.Attribute)];

    /// <summary>The factors of item <paramref name="index"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="index"/> is not in [0, Count).</exception>
    public FaceFactors Factors(int index) => FaceFactors.Draw(_seed, Number(index)) is var factors && _framing == FaceFraming.Portrait ? factors : CloseUp(factors);

    /// <inheritdoc/>
    public override ImageItem Get(int index)
    {
        FaceFactors factors = Factors(index);
        return new ImageItem
        {
            Image = _framing == FaceFraming.Portrait ? FacePainter.Paint(factors, _size) : PaintCloseUp(factors, _size),
            Attributes = [.. FaceAttributes.All.Select(a => a.Get(factors))],
            Caption = FaceCaptions.Describe(factors, _seed, Number(index)),
        };
    }

    /// <inheritdoc/>
    public override string Describe(int index) => $"{Name} {Number(index)} of seed {_seed}";

    /// <summary>Follows from the seed, the face's number and the size: nothing need be drawn, since no two faces are alike.</summary>
    public override UInt128 ContentKey(int index) => ((UInt128)_seed << 64) | ((UInt128)(uint)_size << 48) ^ ((UInt128)(uint)_framing << 46) ^ (UInt128)Number(index);

    private static FaceFactors CloseUp(FaceFactors factors) => factors with
    {
        Background = Background.Blue, BackgroundShade = 0, Clothing = Clothing.Tee, ClothingColor = ClothingColor.Blue, LightX = -0.5, LightWarmth = 0,
        HeadTilt = factors.HeadTilt / 2, HeadTurn = factors.HeadTurn / 2,
    };

    private static PixelImage PaintCloseUp(FaceFactors factors, int size)
    {
        var whole = FacePainter.Paint(factors, (size * 82 + 32) / 64);
        var (left, top) = ((whole.Width - size) / 2, size / 8);
        var pixels = new byte[size * size * 3];
        for (int y = 0; y < size; y++) whole.Pixels.AsSpan(((top + y) * whole.Width + left) * 3, size * 3).CopyTo(pixels.AsSpan(y * size * 3));
        return new PixelImage(size, size, 3, pixels);
    }

    private long Number(int index) => _firstIndex + Checked(index);
}
