using static TorchSharp.torch;

namespace Imago.Images;

/// <summary>The sheet of pictures that a model draws on the way of its training.</summary>
internal static class StepSheet
{
    private const int SmallestSide = 48, Columns = 8;

    /// <summary>How often small pictures are enlarged, so that one can see something.</summary>
    internal static int Scale(int width, int height) => Math.Max(1, SmallestSide / Math.Max(width, height));

    /// <summary>Writes what a model has drawn after so many steps.</summary>
    /// <param name="path">The picture's file.</param>
    /// <param name="step">Steps made.</param>
    /// <param name="images">float32 [B, C, H, W] in [0, 1].</param>
    internal static void Write(string path, long step, Tensor images) => ImageFile.Write(path, ImageGrid.Draw(
        Pictures.FromBatch(images.cpu(), PixelRange.ZeroToOne), Columns, new GridOptions { Title = $"step {step}", Scale = Scale((int)images.shape[3], (int)images.shape[2]) }));
}
