using Imago.Generation.Pipelines;
using Imago.Models;

namespace Imago.Generation;

/// <summary>What a picture is to be of, in words and numbers. What is left out is left to the model.</summary>
public sealed record Condition
{
    private static readonly Dictionary<string, double> Nothing = [];

    /// <summary>Nothing is said.</summary>
    public static Condition None { get; } = new();

    /// <summary>Name of the class, in any case; or give its number.</summary>
    public string? ClassName { get; init; }

    /// <summary>Number of the class.</summary>
    public int? ClassNumber { get; init; }

    /// <summary>Values of any of the model's attributes by name; a choice's value is its number.</summary>
    public IReadOnlyDictionary<string, double> Attributes { get; init; } = Nothing;

    /// <summary>A sentence.</summary>
    public string? Caption { get; init; }

    /// <summary>What the second text encoder of a model of several reads; null for <see cref="Caption"/>.</summary>
    public string? SecondCaption { get; init; }

    /// <summary>What the third text encoder of a model of several reads; null for <see cref="Caption"/>.</summary>
    public string? ThirdCaption { get; init; }

    /// <summary>How published text encoders read the captions.</summary>
    public PromptReading Reading { get; init; } = PromptReading.Usual;

    /// <summary>The encoding itself, for one picture, in place of captions: tokens [1, L, D] and what else the network attends to. It must live as long as the condition is used.</summary>
    public Conditioning? Encoded { get; init; }

    /// <summary>Sizes that the picture is to look as if made from.</summary>
    public ImageSizes? Sizes { get; init; }

    /// <summary>How beautiful the picture is to look, about 1 to 10, for networks that are told (SDXL's refiner); null for their own default.</summary>
    public double? AestheticScore { get; init; }

    /// <summary>What guidance leads away from; null for <see cref="None"/>.</summary>
    public Condition? Negative { get; init; }
}

/// <summary>The micro-conditioning of Podell et al. 2023 (SDXL, section 2.2), in pixels.</summary>
/// <param name="OriginalHeight">Height of the image before it was resized.</param>
/// <param name="OriginalWidth">Its width.</param>
/// <param name="Top">Rows cut off above.</param>
/// <param name="Left">Columns cut off on the left.</param>
/// <param name="Height">Height that is aimed at.</param>
/// <param name="Width">Width that is aimed at.</param>
public sealed record ImageSizes(int OriginalHeight, int OriginalWidth, int Top, int Left, int Height, int Width)
{
    /// <summary>An image that was neither resized nor cropped.</summary>
    public static ImageSizes Whole(int height, int width) => new(height, width, 0, 0, height, width);
}
