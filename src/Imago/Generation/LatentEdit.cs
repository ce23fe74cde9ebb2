using Imago.Data;
using Imago.Exploration;
using Imago.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation;

/// <summary>
/// A change of what a model of latents has drawn, or of a picture: its latent moves along the direction in which an attribute changes, learned from labelled pictures.
/// </summary>
public sealed record LatentEdit
{
    /// <summary>The attribute, as <see cref="ExampleSelector.Parse"/> takes it.</summary>
    public required string Attribute { get; init; }

    /// <summary>Other attributes that shall not change.</summary>
    public IReadOnlyList<string> Keep { get; init; } = [];

    /// <summary>How the direction is found.</summary>
    public DirectionMethod Method { get; init; }

    /// <summary>How far to go; 1 is the distance between the means of those without and those with the attribute, 0 changes nothing.</summary>
    public IReadOnlyList<double> Strengths { get; init; } = [-1, 0, 1, 2];

    /// <summary>Labelled pictures to learn from, at most.</summary>
    public int Examples { get; init; } = 4000;

    /// <summary>Chooses them.</summary>
    public long Seed { get; init; }

    /// <summary>The data set that they are of, by name or path; null for the one that the model was trained on.</summary>
    public string? Data { get; init; }

    /// <summary>Where the files of a published data set lie.</summary>
    public string? DataFolder { get; init; }

    /// <summary>Learns the direction in the latents of a model's autoencoder.</summary>
    /// <param name="model">A model of latents.</param>
    /// <param name="pictures">The labelled pictures.</param>
    /// <param name="progress">Told how many are encoded.</param>
    /// <param name="cancellationToken">Stops encoding.</param>
    /// <returns>The direction in the autoencoder's own latents, [D]; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">The model draws pixels, or the data know no such attribute.</exception>
    /// <exception cref="DataException">There are no pictures with the attribute, or none without.</exception>
    public AttributeDirection Learn(DiffusionModel model, ImageDataset pictures, IProgress<WorkProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(pictures);
        var codec = CodecOf(model);
        var attribute = ExampleSelector.Parse(Attribute, pictures);
        var kept = Keep.Select(text => ExampleSelector.Parse(text, pictures)).ToList();
        var some = new SubsetDataset(pictures, [.. SplitMix64.Of(Seed).Permutation(pictures.Count).Take(Examples)]);
        using var codes = new LatentSpace(codec.Autoencoder, model.Config.Height, model.Config.Width).Encode(some, progress, cancellationToken);
        return AttributeEdit.Learn(codes.Means, attribute.Select(codes), Method, [.. kept.Select(other => other.Select(codes))]);
    }

    /// <summary>The pictures at all strengths.</summary>
    /// <param name="model">The model that the direction was learned for.</param>
    /// <param name="x">What was drawn or encoded, in the model's numbers: [B, …<see cref="DiffusionModel.Shape"/>].</param>
    /// <param name="direction">The direction.</param>
    /// <returns>For each of the B, its pictures in the order of <see cref="Strengths"/>. At strength 0 it is the picture of x itself.</returns>
    /// <exception cref="ArgumentException">The model draws pixels.</exception>
    public IReadOnlyList<IReadOnlyList<PixelImage>> Apply(DiffusionModel model, Tensor x, AttributeDirection direction)
    {
        var codec = CodecOf(model);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var step = codec.Scale.NormaliseDeviation(direction.Vector.to(float32, model.Device).view([1, .. model.Shape]));
        return [.. x.split(1).Select(own => Pictures.FromBatch(codec.Decode(cat([.. Strengths.Select(strength => own + strength * step)])).cpu(), PixelRange.MinusOneToOne))];
    }

    private static LatentCodec CodecOf(DiffusionModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return model.Codec as LatentCodec
            ?? throw new ArgumentException("The model draws pixels, and attributes have directions in an autoencoder's latents: take a model of latents (imago train diffusion --autoencoder), or draw the picture anew under other words (imago generate --image FILE --invert).", nameof(model));
    }
}
