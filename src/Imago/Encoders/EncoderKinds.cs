using Imago.Layers;
using Imago.Models;
using static TorchSharp.torch;

namespace Imago.Encoders;

/// <summary>What a text encoder is made of.</summary>
public abstract record TextEncoderConfig : EncoderConfig
{
    /// <summary>Tokens that there are.</summary>
    public abstract int VocabSize { get; init; }

    /// <summary>Builds the network with fresh weights.</summary>
    /// <param name="seed">Where the weights come from.</param>
    /// <exception cref="ArgumentException">A value is out of range; the message names the key.</exception>
    public TextEncoder Create(long seed = 0)
    {
        Validate();
        return Seeded.Build(seed, Build);
    }

    /// <summary>Builds the network without values, for a file to fill; on the device <c>meta</c> it has shapes and no memory.</summary>
    /// <exception cref="ArgumentException">A value is out of range; the message names the key.</exception>
    internal TextEncoder CreateEmpty(Device device)
    {
        Validate();
        using var _ = Initialization.On(device, draw: false);
        return Build();
    }

    private protected abstract TextEncoder Build();
}

/// <summary>What an image encoder is made of.</summary>
public abstract record ImageEncoderConfig : EncoderConfig
{
    /// <summary>Channels of the pictures.</summary>
    public int NumChannels { get; init; } = 3;

    /// <summary>Side of the pictures that the network was trained on, in pixels.</summary>
    public int ImageSize { get; init; } = 224;

    /// <summary>Side of a patch, in pixels.</summary>
    public abstract int PatchSize { get; init; }

    /// <summary>Patches in a row of the network's own pictures.</summary>
    internal int Grid => ImageSize / PatchSize;

    /// <summary>Builds the network with fresh weights.</summary>
    /// <param name="seed">Where the weights come from.</param>
    /// <exception cref="ArgumentException">A value is out of range; the message names the key.</exception>
    public ImageEncoder Create(long seed = 0)
    {
        Validate();
        return Seeded.Build(seed, Build);
    }

    /// <summary>Builds the network without values, for a file to fill; on the device <c>meta</c> it has shapes and no memory.</summary>
    /// <exception cref="ArgumentException">A value is out of range; the message names the key.</exception>
    internal ImageEncoder CreateEmpty(Device device)
    {
        Validate();
        using var _ = Initialization.On(device, draw: false);
        return Build();
    }

    private protected void RequirePatches()
    {
        Require(NumChannels is > 0 and <= 64, "num_channels", NumChannels, "between 1 and 64");
        Require(PatchSize is > 0 and <= 256, "patch_size", PatchSize, "between 1 and 256 pixels");
        Require(ImageSize >= PatchSize && ImageSize <= 16384, "image_size", ImageSize, $"between patch_size = {PatchSize} and 16384 pixels");
    }

    private protected abstract ImageEncoder Build();
}
