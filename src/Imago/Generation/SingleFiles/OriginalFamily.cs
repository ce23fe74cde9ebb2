namespace Imago.Generation.SingleFiles;

/// <summary>What a single file in one of the original layouts is a model of.</summary>
public enum OriginalFamily
{
    /// <summary>Stable Diffusion 1.1 to 1.5, and what was made of them.</summary>
    StableDiffusion1,

    /// <summary>Stable Diffusion 2.0 and 2.1, which read texts by OpenCLIP.</summary>
    StableDiffusion2,

    /// <summary>Stable Diffusion XL, the base model.</summary>
    StableDiffusionXL,

    /// <summary>The refiner of Stable Diffusion XL.</summary>
    StableDiffusionXLRefiner,

    /// <summary>Stable Diffusion 3.</summary>
    StableDiffusion3,

    /// <summary>Stable Diffusion 3.5 Medium, whose first blocks attend twice.</summary>
    StableDiffusion35Medium,

    /// <summary>Stable Diffusion 3.5 Large and Large Turbo.</summary>
    StableDiffusion35Large,
}

/// <summary>What is the same for all models of a family, and stands in no file.</summary>
public static class OriginalFamilies
{
    /// <summary>The family's name as people write it.</summary>
    public static string Name(this OriginalFamily family) => family switch
    {
        OriginalFamily.StableDiffusion1 => "Stable Diffusion 1",
        OriginalFamily.StableDiffusion2 => "Stable Diffusion 2",
        OriginalFamily.StableDiffusionXL => "Stable Diffusion XL (base)",
        OriginalFamily.StableDiffusionXLRefiner => "Stable Diffusion XL (refiner)",
        OriginalFamily.StableDiffusion3 => "Stable Diffusion 3",
        OriginalFamily.StableDiffusion35Medium => "Stable Diffusion 3.5 Medium",
        OriginalFamily.StableDiffusion35Large => "Stable Diffusion 3.5 Large",
        _ => throw new ArgumentOutOfRangeException(nameof(family), family, "No such family."),
    };

    /// <summary>Whether the denoiser is a transformer.</summary>
    internal static bool IsTransformer(this OriginalFamily family) => family is OriginalFamily.StableDiffusion3 or OriginalFamily.StableDiffusion35Medium or OriginalFamily.StableDiffusion35Large;

    /// <summary>Whether it is one of the two of XL.</summary>
    internal static bool IsXL(this OriginalFamily family) => family is OriginalFamily.StableDiffusionXL or OriginalFamily.StableDiffusionXLRefiner;
}
