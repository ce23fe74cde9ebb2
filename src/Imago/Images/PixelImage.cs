namespace Imago.Images;

/// <summary>An 8-bit image in memory.</summary>
/// <param name="Width">Pixels in a row.</param>
/// <param name="Height">Rows.</param>
/// <param name="Channels">1 (grey), 3 (RGB) or 4 (RGB and straight alpha).</param>
/// <param name="Pixels">Row after row, channels interleaved: [H, W, C].</param>
public sealed record PixelImage(int Width, int Height, int Channels, byte[] Pixels);
